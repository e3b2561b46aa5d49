// Package inspect holds the commands that open the database themselves, beside a
// running server too: events, audit, projections and db.
package inspect
