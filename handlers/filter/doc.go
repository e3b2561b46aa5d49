// Package filter is the language in which people say which runs they want: the query
// field of the page of runs and the argument of "scrapelog runs list". Its terms have the
// names of the parameters of GET /api/v1/runs.
//
//	scraper:prices status:failed,connection_failed trigger:schedule since:-1d
//
// A word without a key is a part of a scraper's name or of a run's id.
package filter
