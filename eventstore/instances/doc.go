// Package instances registers the processes that serve a log. An instance is alive while
// it holds its lock and beats. Maintenance has the database exclusively and excludes
// instances. On SQLite the lock is that of the file, and there is one instance; on
// PostgreSQL it is an advisory lock of a session.
package instances
