// Package term is what the commands of scrapelog share at a terminal: their flags
// and arguments, the printer of tables and JSON, text that is safe to show, the
// logger, and the kinds of failure that decide an exit code.
package term
