#!/usr/bin/env python3
"""A scraper for scrapelog in Python, with nothing but its standard library.

    python3 scraper.py 9090 http://shop.example/alder/ http://shop.example/birch/

It counts the products on the pages it is given. If SCRAPER_SECRET is set, orders must
be signed with it, or with one of two with a blank between. What a scraper must do, and
why, is in "scrapelog help contract".
"""
import base64
import hmac
import json
import os
import re
import select
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAUSE = 1  # second between two pages, so something is said as often


secrets = [base64.b64decode(s.split("_", 1)[-1]) for s in os.environ.get("SCRAPER_SECRET", "").split()]
seen = {}  # the webhook-ids of the last minutes, and until when they are kept


def refused(headers, body):
    """Why an order is not taken, or None."""
    if not secrets:
        return None
    id, signed_at, given = (headers.get("webhook-" + name, "") for name in ("id", "timestamp", "signature"))
    text = f"{id}.{signed_at}.".encode() + body
    fits = [b"v1," + base64.b64encode(hmac.new(secret, text, "sha256").digest()) for secret in secrets]
    if "." in id or not any(hmac.compare_digest(g.encode(), f) for g in given.split() for f in fits):
        return "no signature, or one with another secret"
    now = time.time()
    if abs(now - int(signed_at)) > 300:
        return "signed more than five minutes from now"
    with lock:
        for old in [old for old, until in seen.items() if until < now]:
            del seen[old]
        if id in seen:
            return "this order has come before"
        seen[id] = now + 600


class Stopped(Exception):
    """The client has left, or the run was taken over."""


class Run:
    def __init__(self, id, connection):
        self.id = id
        self.connection = connection
        self.stop = threading.Event()  # set when the run must end
        self.gone = threading.Event()  # set when nothing of it is left

    def pause(self):
        """Waits for a while, and sees when the run must end. A client has nothing
        more to send: when there is something to read, it has left. To wait for a
        write that fails takes longer, since the first one after that succeeds."""
        for _ in range(10):
            if self.stop.wait(PAUSE / 10) or select.select([self.connection], [], [], 0)[0]:
                raise Stopped


lock = threading.Lock()
held = None  # the run that scrapes


def take(run, recovers):
    """Makes run the one that scrapes, unless another scrapes that it does not
    recover. Says whether it did, and which one it took over from."""
    global held
    with lock:
        before = held
        if before and before.id != recovers:
            return False, None
        if before:
            before.stop.set()
        held = run
        return True, before


def release(run):
    global held
    run.gone.set()
    with lock:
        if held is run:
            held = None


def scrape(run, send):
    """Your scraping. It ends when the run must, and says something often."""
    items = 0
    for number, page in enumerate(pages, 1):
        run.pause()
        with urllib.request.urlopen(page, timeout=3) as answer:
            html = answer.read().decode("utf-8", "replace")
        items += len(re.findall('<li class="product"', html))
        send("progress", {"page": number, "items": items})
    return items


class Handler(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        why = refused(self.headers, body)
        if why:
            self.send_error(401, why)
            return
        order = json.loads(body)
        run = Run(order["run_id"], self.connection)
        taken, before = take(run, order.get("recovers"))
        if not taken:
            self.send_error(409, "a scrape runs")
            return
        try:
            self.follow(run, before)
        except (Stopped, OSError):
            pass  # the stream is cut: it did not come to its end
        finally:
            release(run)

    def follow(self, run, before):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("X-Accel-Buffering", "no")
        self.send_header("X-Scrape-Beat", "5s")
        self.end_headers()
        while before and not before.gone.is_set():
            run.pause()
            self.send("beat", {})
        try:
            items = scrape(run, self.send)
        except Stopped:
            raise
        except Exception as error:
            self.send("failed", {"error": str(error)})
        else:
            self.send("completed", {"items": items})

    def send(self, event, data):
        try:  # wfile is not buffered: what is written is sent
            self.wfile.write(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())
        except OSError:
            raise Stopped  # a failed write means that the client has left

    def log_message(self, *args):
        pass


port, pages = int(sys.argv[1]), sys.argv[2:]
ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
