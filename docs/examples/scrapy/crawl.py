#!/usr/bin/python3
"""Crawls with a spider of a Scrapy project, for the worker:

    python3 crawl.py SPIDER [NAME=VALUE ...]

Put it beside scrapy.cfg. The project's settings and pipelines are in force, and the values
are the spider's arguments, as with "scrapy crawl SPIDER -a NAME=VALUE". Every item is
printed as a line of JSON, which the worker makes progress of, and counts. It exits with 1
and a reason when the crawl went wrong: "scrapy crawl" exits with 0 whatever happened.
"""
import sys

from scrapy import signals
from scrapy.crawler import CrawlerProcess
from scrapy.utils.project import get_project_settings
from scrapy.utils.serialize import ScrapyJSONEncoder


def why_it_failed(crawler):
    """What sys.exit is given: None, 1 when the log has the reason, or the reason."""
    stats = crawler.stats.get_stats()
    count = lambda *names: sum(stats.get(name, 0) for name in names)
    if stats.get("finish_reason") != "finished":
        return f"error: the crawl was cut short: {stats.get('finish_reason', 'it did not start')}"
    if count("log_count/ERROR", "log_count/CRITICAL"):
        return 1  # a spider that raised, a page that did not come
    if count("httperror/response_ignored_count"):
        return "error: a page was refused"
    pages = count("response_received_count") - count("robotstxt/response_count")
    if pages <= 0 and count("robotstxt/forbidden"):
        return "error: robots.txt forbids every page"
    if pages <= 0:
        return "error: no page came"


def tell(item):
    print(ScrapyJSONEncoder().encode(item), flush=True)


if len(sys.argv) < 2:
    sys.exit("usage: crawl.py SPIDER [NAME=VALUE ...]")
settings = get_project_settings()
settings.set("LOG_LEVEL", "WARNING")
settings.set("TELNETCONSOLE_ENABLED", False)  # it takes a port, and its own errors come last in the log
process = CrawlerProcess(settings)
crawler = process.create_crawler(sys.argv[1])
crawler.signals.connect(tell, signals.item_scraped)
process.crawl(crawler, **dict(arg.split("=", 1) for arg in sys.argv[2:]))
process.start()
sys.exit(why_it_failed(crawler))
