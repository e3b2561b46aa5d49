// A scraper for scrapelog in Node, without dependencies.
//
//     node scraper.mjs 9090 http://shop.example/alder/ http://shop.example/birch/
//
// It counts the products on the pages it is given. If SCRAPER_SECRET is set, orders
// must be signed with it, or with one of two with a blank between. What a scraper
// must do, and why, is in "scrapelog help contract".
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

const [port, ...pages] = process.argv.slice(2);
let held; // the run that scrapes: its id, how to stop it, and when it is gone

createServer((request, response) => {
  if (request.method === "POST") {
    start(request, response).catch(() => response.destroy());
  } else {
    response.writeHead(request.method === "HEAD" ? 200 : 405, { "Cache-Control": "no-store" }).end();
  }
}).listen(Number(port), "127.0.0.1");

const secrets = (process.env.SCRAPER_SECRET ?? "").split(/\s+/).filter(Boolean)
  .map((secret) => Buffer.from(secret.replace(/^whsec_/, ""), "base64"));
const seen = new Map(); // the webhook-ids of the last minutes, and until when they are kept

// refused says why an order is not taken, or nothing.
function refused(headers, body) {
  if (secrets.length === 0) return;
  const [id, at, given] = ["id", "timestamp", "signature"].map((name) => headers[`webhook-${name}`] ?? "");
  const fits = secrets.map((secret) => createHmac("sha256", secret).update(`${id}.${at}.${body}`).digest());
  const signatures = given.split(" ").filter((text) => text.startsWith("v1,")).map((text) => Buffer.from(text.slice(3), "base64"));
  const equal = (a, b) => a.length === b.length && timingSafeEqual(a, b);
  if (id.includes(".") || !signatures.some((signature) => fits.some((fit) => equal(signature, fit)))) {
    return "no signature, or one with another secret";
  }
  const now = Date.now();
  if (!(Math.abs(now - 1000 * at) <= 300_000)) return "signed more than five minutes from now";
  for (const [old, until] of seen) if (until < now) seen.delete(old);
  if (seen.has(id)) return "this order has come before";
  seen.set(id, now + 600_000);
}

async function start(request, response) {
  let body = "";
  for await (const piece of request.setEncoding("utf8")) body += piece;
  const why = refused(request.headers, body);
  if (why) {
    response.writeHead(401).end(why);
    return;
  }
  const order = JSON.parse(body);
  const before = held;
  if (before && before.id !== order.recovers) {
    response.writeHead(409).end();
    return;
  }
  before?.stop.abort();
  const run = { id: order.run_id, stop: new AbortController() };
  response.on("close", () => run.stop.abort()); // the client has left, or all is said
  held = run;
  run.gone = follow(response, before, run.stop.signal).finally(() => {
    if (held === run) held = undefined;
  });
}

// follow never rejects. When it returns nothing of the run is left.
async function follow(response, before, signal) {
  const send = (event, data) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  response.writeHead(200, {
    "Content-Type": "text/event-stream",
    "X-Accel-Buffering": "no",
    "X-Scrape-Beat": "5s",
  });
  response.flushHeaders();
  await before?.gone;
  try {
    send("completed", { items: await scrape(send, signal) });
  } catch (error) {
    if (signal.aborted) {
      response.destroy(); // the stream is cut: it did not come to its end
      return;
    }
    send("failed", { error: String(error) });
  }
  response.end();
}

// scrape is your scraping. It ends when signal says so, and says something often.
async function scrape(send, signal) {
  let items = 0;
  for (const [index, page] of pages.entries()) {
    await pause(1000, undefined, { signal });
    const answer = await fetch(page, { signal });
    if (!answer.ok) throw new Error(`${page} answered ${answer.status}`);
    items += (await answer.text()).split('<li class="product"').length - 1;
    send("progress", { page: index + 1, items });
  }
  return items;
}
