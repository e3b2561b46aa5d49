// Package forward sends the events of the log to the message brokers of the operator,
// through the publishers of watermill: each event once it is in the log, as CloudEvents
// JSON, in log order and at least once.
//
// What goes out is the log as it is, params and names of headers too: the operator has
// chosen who reads the broker.
package forward
