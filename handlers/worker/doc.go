// Package worker is the scraper that ships with the product: it runs any
// command, or scrapes HTML pages, and speaks the contract of a scraper.
//
// # The contract
//
// A scrape is started with POST /scrapes/{name}, whose JSON body is
//
//	{"run_id": "…", "scraper": "…", "recovers": "…"?, "platforms": […]?, "params": {…}?}
//
// The worker MUST read the whole body first: a Go server does not notice that
// its client leaves while a body is unread. It then answers, and sends its header
// at once, before the first event:
//
//   - 200 text/event-stream with X-Scrape-Beat: the scrape runs;
//   - 400: the body is not the one above; 413: it is past 1 MiB; 408: it did not
//     arrive within ten seconds; 415: it is not JSON by its type;
//   - 401: the worker has a secret, and the request is not signed with it, was signed
//     more than five minutes ago, or has come before; see package sign;
//   - 403: the request names another host, or a browser made it for another site;
//   - 404: there is no scrape of that name;
//   - 409: a scrape of that name runs. A POST whose recovers names the run that
//     is still held is answered 200 instead: that run is ended first, and the
//     stream beats meanwhile. So is a POST that finds a run whose client has left
//     and which is only being ended. When the terminal event is sent, the name is
//     free again.
//
// The stream carries, in any number, "progress" (any JSON) and "beat" ({}), and
// then exactly one of "completed" {"items": N, "note": "…"?} and "failed" {"error": "…"}. Each
// ends with a blank line, the last one too, and then the connection closes. An
// event is at most 64 KB. A stream that ends otherwise was cut: the worker aborts
// the transfer, so that the end does not look clean.
//
// The loop that does the scrape's work also writes the beats, not a separate timer: a
// loop that hangs is silent.
//
// A write that fails or a client that leaves stops the scrape at once, with every process
// that it has started. The name stays taken until then, so a lost run and the run that
// recovers it never overlap.
//
// HEAD /scrapes/{name} answers 200, with a header that forbids caching, and starts
// nothing; probes use it. GET /healthz answers 200.
//
// # The kinds
//
// See [Scrape] for commands and [HTML] for pages.
package worker
