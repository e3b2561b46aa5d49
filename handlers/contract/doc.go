// Package contract checks whether a scraper keeps the contract, docs/contract.md.
//
//	check.go       the steps of the check, in their order
//	exchange.go    one POST at the level of its connection
//	transcript.go  what came back, byte by byte
//	judge.go       which rules hold, which do not, and how to fix that
//
// The check observes the scraper from outside, as scrapelog does. A scrape stopped when
// its client left if the next POST is answered 200. Whether beats come from the loop
// that does the work cannot be observed.
package contract
