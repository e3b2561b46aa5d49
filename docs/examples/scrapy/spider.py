#!/usr/bin/python3
"""A Scrapy spider that the worker runs (worker.yaml beside it).

Every item is printed as a line of JSON, which the worker makes progress of, and
counts. scrapy itself exits with 0 whatever happened to the pages, so this program
decides: 1 when an error was logged, a page refused, or the crawl cut short.
"""
import json
import sys

import scrapy
from scrapy.crawler import CrawlerProcess


class Products(scrapy.Spider):
    name = "products"

    def parse(self, response):
        for product in response.css("li.product"):
            item = {"name": product.css("h2 a::text").get(), "price": product.css(".price::text").get()}
            print(json.dumps(item), flush=True)
        yield from response.follow_all(css="a[rel=next]")


process = CrawlerProcess({"LOG_LEVEL": "WARNING", "ROBOTSTXT_OBEY": True, "DOWNLOAD_DELAY": 0.5})
crawler = process.create_crawler(Products)
process.crawl(crawler, start_urls=sys.argv[1:])
process.start()

stats = crawler.stats.get_stats()
failed = stats.get("log_count/ERROR", 0) + stats.get("httperror/response_ignored_count", 0)
sys.exit(0 if not failed and stats.get("finish_reason") == "finished" else 1)
