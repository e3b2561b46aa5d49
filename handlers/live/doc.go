// Package live sends changes to open pages and clients: first the whole state, then
// one message per change.
//
// A message is rendered once and shared by all readers. The hub never waits for a
// reader: it closes the stream of a reader that is 64 messages behind, and the reader
// connects again and gets a new state. [Config.Render] decides what is sent, JSON or
// HTML.
//
// [Watchers] records which clients have a stream open, for runs that live only as long
// as their watcher.
package live
