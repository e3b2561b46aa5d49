// Package feed hands the events of a log to consumer groups, through watermill-sql.
// It is the only package that knows watermill's SQL side.
//
// What a handler writes in the transaction of its message's context commits
// together with the offset of its group, so that each event takes effect exactly
// once. The subscriber of watermill-sql does not do that by itself: see [Feed.Subscriber]
// and the comment on subscriber for what it decorates, and why.
package feed
