// Package notify tells people and programs outside when it matters. The consumer group
// of [Group] turns events into rows of the outbox; a [Sender] sends them.
//
// Each channel has its own sender, so that one that hangs delays no other. A notice is
// sent at least once, with the same id at every attempt, and the notices of one
// subject reach a channel in order.
package notify
