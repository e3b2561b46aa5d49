// Package eventstore is the log: one append-only table of events in SQLite or
// PostgreSQL, and everything that hangs on it inside the database.
//
// [Store.Append] writes all of its events or none, at an expected version of
// their stream and, if asked to, only if the scraper's guard row still is what
// the decision was made from. Positions are 1, 2, 3 … without gaps and become
// visible in order: they are given out under one lock that is held until the
// commit, so a reader that has seen N never misses an event below N. For the same
// reason no event is recorded before the one below it: where a clock is set back,
// or that of one instance is slow, the time stands still until it has caught up,
// and a time always resolves to one position. When something happened, as its
// observer saw it, is in the event itself.
//
// The same table is the topic that consumer groups read through watermill-sql
// (see [Store.Subscriber]). What a handler writes commits together with the
// group's offset, so each event takes effect exactly once.
package eventstore
