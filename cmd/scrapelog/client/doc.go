// Package client holds the commands that ask a running server: runs and scrapers.
package client
