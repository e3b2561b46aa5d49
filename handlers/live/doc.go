// Package live tells open pages and clients what changes: first the whole
// state, then one message per change.
//
// A message is rendered once and shared by everyone who follows. The hub never
// waits for a reader: one who falls 64 messages behind is let go, and comes back
// to a fresh state. What is rendered, JSON or HTML, is the business of whoever
// makes a [Hub].
//
// [Watchers] knows which clients have a stream open, for the runs that live
// only as long as their watcher does.
package live
