// Package scrape follows runs: it POSTs each open run of this instance to its
// scraper, once, reads the stream that comes back, and reports how it ended.
//
// A [Supervisor] is told nothing; it pulls the committed open runs that name its
// instance, so a run is never POSTed without being in the log. Per run:
//
//	hold.go      a run in hand, from the list of open ones until it has left it
//	prepare.go   the run and its configuration, waited for if need be
//	follow.go    one exchange with a scraper, and everything known about it
//	request.go   the POST: body, headers, and no way for net/http to repeat it
//	reader.go    bytes: counting, limits, and the silence timer of silence.go
//	stream.go    events: sse.Read until the terminal event, or until it breaks
//	classify.go  how it ended, as one command to the run
//	fault.go     what a broken connection looked like
//	record.go    the command into the log, however long that takes
//
// Two rules carry the rest. Only the terminal event is success: an end without
// an error is a lost connection. And whatever we ended ourselves is told apart
// by context.Cause, never by an error's text.
package scrape
