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

// fault names the cause of a connection's end by the error it ended with. The
// order matters: a name that does not resolve is a timeout too, and so is an
// unanswered handshake.
func (o outcome) fault() (domain.Cause, string) {
	err := o.err
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
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

// faultDetail is the error's text, except where net/http quotes what the peer
// sent, which may be anything, our own request included.
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

// exhaustedFault comes first: a name is not found for want of descriptors either.
func exhaustedFault(_ stage, err error) domain.Cause {
	if dial.Exhausted(err) {
		return domain.CauseInstanceExhausted
	}
	return ""
}

func dnsFault(_ stage, err error) domain.Cause {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return domain.CauseDNS
	}
	return ""
}

// tlsFault is a handshake that came to nothing by itself, not by a connection
// that was closed under it. Under TLS 1.3 a peer that wants a client certificate
// says so only after the handshake, where a header was expected.
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

// noRoute holds what connect(2) returns where there is no way to the host.
// EINVAL is a blackhole route's, EACCES a prohibiting one's.
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

// eofFault never meets a clean end of a stream, which is no error at all. One of
// net/http's errors has only its text: a stream cut between its last chunk and the
// line after it.
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

// framingFault is what net/http's parsers refuse. Before the header whatever is
// left is an answer that was not HTTP; within a stream only what is known to be
// about its framing is corrupt.
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

// innermost is the error at the bottom of a chain: its type says the most.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
