// Package demo is "scrapelog demo": a server and a small site of shops in this
// process, and a worker in another.
package demo
