// Package contract is what scrapelog asks of a scraper: the page that says it,
// and the check that sees whether a scraper keeps to it.
//
//	contract.md    the contract, for people
//	check.go       what the check does to a scraper, in which order
//	exchange.go    one POST at the level of its connection
//	transcript.go  what came back, byte by byte
//	judge.go       what of it is right, what is not, and how to mend that
//
// The check sees from outside, as scrapelog does: that a scrape stopped when its
// client left shows in the next POST being answered 200. That beats come from
// the loop that does the work, nobody can see.
package contract
