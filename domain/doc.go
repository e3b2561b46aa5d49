// Package domain is the rulebook of scrapelog: what happened (events), what may
// be asked (commands), and what follows (deciders and the rescrape saga).
//
// Everything here is pure. The caller passes in times and ids; nothing reads a clock,
// a random source, a file or a socket, so every rule can be tested with constants and
// replayed from the log.
//
// There are two deciders. [Run] is one scrape: it starts once and ends
// once. [Scraper] is the named thing that is scraped: its configuration, and its
// [Guard], the few facts that decide whether a run may start. [Rescrape] is the
// saga that answers a restored connection with a new scrape.
package domain
