#!/usr/bin/python3
"""A Scrapy spider that the worker runs (worker.yaml beside it).

Every item is printed as a line of JSON, which the worker makes progress of, and
counts. Scrapy itself exits with 0 whatever happened: when a spider raises, when
pages are refused, when robots.txt forbids them all, when it is interrupted. So
this program looks at what Scrapy counted, and exits with 1 and a reason.
"""
import json
import sys

import scrapy
from scrapy.crawler import CrawlerProcess


class Products(scrapy.Spider):
    name = "products"
    pages = 0  # that were parsed

    def parse(self, response):
        for product in response.css("li.product"):
            item = {"name": product.css("h2 a::text").get(), "price": product.css(".price::text").get()}
            print(json.dumps(item), flush=True)
        self.pages += 1
        yield from response.follow_all(css="a[rel=next]")


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
    if count("robotstxt/forbidden") and not crawler.spider.pages:
        return "error: robots.txt forbids every page"
    if not crawler.spider.pages:
        return "error: no page was parsed"


settings = {
    "LOG_LEVEL": "WARNING",
    "ROBOTSTXT_OBEY": True,
    "DOWNLOAD_DELAY": 0.5,
    "TELNETCONSOLE_ENABLED": False,  # it takes a port, and its own errors come last in the log
}
process = CrawlerProcess(settings)
crawler = process.create_crawler(Products)
process.crawl(crawler, start_urls=sys.argv[1:])
process.start()
sys.exit(why_it_failed(crawler))
