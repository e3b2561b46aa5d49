// Package instances knows which processes serve a log. An instance is alive while
// it holds its lock and beats; maintenance takes the database for itself while no
// instance is alive. On SQLite the lock is that of the file, and there is one
// instance; on PostgreSQL it is an advisory lock of a session.
package instances
