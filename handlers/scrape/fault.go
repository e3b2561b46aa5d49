package scrape

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"strings"
	"syscall"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
)

// fault returns the cause and detail of a lost connection from its error. The order
// matters: a name that does not resolve and an unanswered handshake are timeouts too.
func (o outcome) fault() (domain.Cause, string) {
	err := o.err
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // the wrapper's text carries the URL with its query
	}
	for _, look := range []func(stage, error) domain.Cause{
		exhaustedFault, dnsFault, tlsFault, errnoFault, timeoutFault, eofFault, framingFault,
	} {
		if cause := look(o.stage, err); cause != "" {
			return cause, faultDetail(cause, err)
		}
	}
	return domain.CauseOther, fmt.Sprintf("%T: %v", innermost(err), err)
}

// faultDetail returns the error's text, except where net/http quotes the peer, which
// may have sent anything, including our own request.
func faultDetail(cause domain.Cause, err error) string {
	var quoting textproto.ProtocolError
	switch {
	case cause == domain.CauseInstanceExhausted:
		return err.Error() + ": scrapelog itself has none left; raise its limit of open files (ulimit -n, LimitNOFILE) or its memory"
	case cause == domain.CauseBadResponse:
		return fmt.Sprintf("the answer was not HTTP (%T)", innermost(err))
	case errors.As(err, &quoting):
		return "the stream's trailer was malformed"
	}
	return err.Error()
}

// exhaustedFault comes first: without descriptors no name resolves either.
func exhaustedFault(_ stage, err error) domain.Cause {
	if dial.Exhausted(err) {
		return domain.CauseInstanceExhausted
	}
	return ""
}

func dnsFault(_ stage, err error) domain.Cause {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return domain.CauseDNS
	}
	return ""
}

// tlsFault recognizes a handshake that failed while the connection was open. With TLS
// 1.3 a peer that requires a client certificate reports it only after the handshake,
// when a header is expected.
func tlsFault(at stage, err error) domain.Cause {
	var handshake *dial.HandshakeError
	var remote *net.OpError
	switch {
	case errors.As(err, &handshake) && !closedUnder(handshake.Err):
		return domain.CauseTLS
	case at == asking && errors.As(err, &remote) && remote.Op == "remote error":
		return domain.CauseTLS
	}
	return ""
}

func closedUnder(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || reset(err)
}

func reset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNABORTED)
}

// noRoute holds what connect(2) returns if there is no route to the host. A blackhole
// route returns EINVAL, a prohibiting one EACCES.
var noRoute = []error{
	syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.ENETDOWN, syscall.EINVAL, syscall.EACCES,
}

func errnoFault(at stage, err error) domain.Cause {
	switch {
	case reset(err):
		return domain.CauseReset
	case at != dialing:
		return ""
	case errors.Is(err, syscall.ECONNREFUSED):
		return domain.CauseRefused
	}
	for _, errno := range noRoute {
		if errors.Is(err, errno) {
			return domain.CauseUnreachable
		}
	}
	return ""
}

func timeoutFault(at stage, err error) domain.Cause {
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		return ""
	}
	return map[stage]domain.Cause{
		dialing:   domain.CauseConnectTimeout,
		asking:    domain.CauseStartTimeout,
		streaming: domain.CauseIdleTimeout,
	}[at]
}

// eofFault recognizes a connection that was closed too soon. A clean end of a stream
// is not an error and does not come here. The error for a stream that was cut between
// its last chunk and the line after it can only be recognized by its text.
func eofFault(at stage, err error) domain.Cause {
	cut := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		strings.Contains(err.Error(), "unexpected EOF reading trailer")
	switch {
	case !cut:
		return ""
	case at == streaming:
		return domain.CauseTruncated
	}
	return domain.CauseEOF
}

// framingFault recognizes errors of net/http's parsers. Before the header every
// remaining error means that the answer was not HTTP; within a stream only errors that
// are known to concern its framing do.
func framingFault(at stage, err error) domain.Cause {
	var trailer textproto.ProtocolError
	var alert *net.OpError
	switch {
	case at == asking:
		return domain.CauseBadResponse
	case at == dialing:
		return ""
	case errors.As(err, &trailer),
		errors.As(err, &alert) && (alert.Op == "local error" || alert.Op == "remote error"),
		strings.Contains(err.Error(), "chunk"),
		strings.Contains(err.Error(), "header line too long"):
		return domain.CauseCorrupt
	}
	return ""
}

// innermost returns the last error of a chain, whose type is the most specific.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
