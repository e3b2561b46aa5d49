// Package replay rebuilds the read models from the log beside the tables that serve,
// in memory or with the runs in a temporary file, and compares them with those tables
// or with a file that was saved before. It also says what changed between two
// positions of the log.
package replay
