// Package projections holds the read models: rows that follow from the log, and
// the queries that pages and the API ask of them.
//
// A projection is disposable. Its tables are made here and not by a migration;
// dropped and rebuilt from the log, they are the same, byte for byte, at the same
// position. The feed and a rebuild use the same fold.
//
// A row has the position of the last event that changed it. So an event that is applied
// twice changes nothing, and live pages can ask for the changes after a position.
//
// Times are stored as unix microseconds, ids as text and unset values as NULL,
// which lets both databases share every statement. Placeholders are $1, $2, …:
// the SQLite driver matches them by ordinal.
package projections
