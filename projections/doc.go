// Package projections holds the read models: rows that follow from the log, and
// the queries that pages and the API ask of them.
//
// A projection is disposable. Its tables are made here and not by a migration;
// dropped and rebuilt from the log they are the same, byte for byte, at the same
// position. Live application and rebuild share the same fold, so neither can
// know something the other does not.
//
// Rows carry the position of the last event that changed them. That makes
// applying an event twice harmless, and lets live pages ask what has changed
// since they last looked.
//
// Times are stored as unix microseconds, ids as text and unset values as NULL,
// which lets both databases share every statement. Placeholders are $1, $2, …:
// the SQLite driver matches them by ordinal.
package projections
