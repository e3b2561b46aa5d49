// Package eventstore is the log: one append-only table of events in SQLite or
// PostgreSQL, with its transactions, migrations and guard rows.
//
// [Store.Append] writes all of its events or none, at an expected version of
// their stream and, on request, only if the scraper's guard row still equals the one
// from which the decision was made. Positions are 1, 2, 3 … without gaps and become
// visible in order: they are given out under one lock that is held until the
// commit, so a reader that has seen N never misses an event below N. For the same
// reason no event is recorded before the one below it: where a clock is set back,
// or that of one instance is slow, recorded times stand still until the clock has
// caught up, so that a time always resolves to one position. The time at which an
// observer saw something happen is in the event itself.
//
// Consumer groups read the same table: see package feed. The processes that serve
// it are known to package instances.
package eventstore
