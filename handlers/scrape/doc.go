// Package scrape follows runs: it POSTs each open run of this instance to its scraper
// once, reads the stream of the answer, and reports how it ended.
//
// A [Supervisor] reads the committed open runs that name its instance, so that no run
// is POSTed before it is in the log. For each run:
//
//	hold.go      a run from its first appearance in the list of open runs to its last
//	prepare.go   the run and its configuration, read until the database answers
//	follow.go    one exchange with a scraper, and its outcome
//	request.go   the POST
//	reader.go    bytes: counts, limits, and the silence timer of silence.go
//	stream.go    events, up to the terminal event or the end of the stream
//	classify.go  the outcome as one command to the run
//	fault.go     the cause of a broken connection
//	record.go    the command into the log, retried until it is in
//
// Two rules decide everything else. Only a terminal event is success: a stream that
// ends without an error and without one is a lost connection. An end that this process
// caused is recognized by context.Cause, never by an error's text.
package scrape
