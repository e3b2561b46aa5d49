package scrape

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
	"scrapelog/handlers/egress"
)

// TestTheOrderOfTheClassifier gives two reasons at once; the first must count.
func TestTheOrderOfTheClassifier(t *testing.T) {
	said := &dial.Terminal{Completed: true}
	answered := &refusal{status: http.StatusNotFound}
	for name, test := range map[string]struct {
		o    outcome
		want any
	}{
		"what was said, before our own end":     {outcome{said: said, own: errStopped, err: io.ErrUnexpectedEOF}, domain.StatusCompleted},
		"our own end, before the error":         {outcome{own: errIdle, err: syscall.ECONNRESET}, domain.CauseIdleTimeout},
		"our own end, before an HTTP answer":    {outcome{own: errMaxDuration, err: answered}, domain.CodeTimeout},
		"our own end, before a clean end":       {outcome{own: errStopped}, domain.CauseInstanceStop},
		"a context that ends without a cause":   {outcome{own: fmt.Errorf("canceled")}, domain.CauseInstanceStop},
		"no error is no success":                {outcome{}, domain.CauseEOF},
		"an HTTP answer":                        {outcome{err: answered}, domain.CodeRejected},
		"a name, before its timeout":            {outcome{err: &net.DNSError{IsTimeout: true}}, domain.CauseDNS},
		"an errno, before its timeout":          {outcome{err: &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}}, domain.CauseUnreachable},
		"our own exhaustion, before the name":   {outcome{err: &net.DNSError{Err: "dial udp 127.0.0.1:53: socket: too many open files"}}, domain.CauseInstanceExhausted},
		"a denied address":                      {outcome{err: &egress.DeniedError{}}, domain.CodeRejected},
		"an answer that is no proper HTTP":      {outcome{stage: asking, err: &dial.MalformedError{}}, domain.CodeProtocol},
		"a blackhole route":                     {outcome{err: &net.OpError{Op: "dial", Err: syscall.EINVAL}}, domain.CauseUnreachable},
		"a timeout of the kernel while dialing": {outcome{err: syscall.ETIMEDOUT}, domain.CauseConnectTimeout},
		"the same while asking":                 {outcome{stage: asking, err: syscall.ETIMEDOUT}, domain.CauseStartTimeout},
		"the same while streaming":              {outcome{stage: streaming, err: syscall.ETIMEDOUT}, domain.CauseIdleTimeout},
		"a write to a closed connection":        {outcome{stage: asking, err: syscall.EPIPE}, domain.CauseReset},
		"an event too long":                     {outcome{stage: streaming, err: bufio.ErrTooLong}, domain.CodeProtocol},
		"an unknown error while dialing":        {outcome{err: errors.New("new")}, domain.CauseOther},
		"an unknown error while streaming":      {outcome{stage: streaming, err: errors.New("new")}, domain.CauseOther},
		"no route while streaming":              {outcome{stage: streaming, err: syscall.EHOSTUNREACH}, domain.CauseOther},
	} {
		if got := essence(test.o.command()); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// A lack of our own descriptors and memory is never recorded as the scraper's fault.
func TestOurOwnExhaustion(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS} {
		for _, at := range []stage{dialing, asking, streaming} {
			o := outcome{stage: at, err: &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", errno)}}
			lost, is := o.command().(domain.ReportConnectionLost)
			if !is || lost.Cause != domain.CauseInstanceExhausted || !strings.Contains(lost.Detail, errno.Error()) || !strings.Contains(lost.Detail, "ulimit -n") {
				t.Errorf("%s at stage %d: %+v", errno, at, lost)
			}
		}
	}
}

// essence is a command's cause, code or status.
func essence(c domain.RunCommand) any {
	switch c := c.(type) {
	case domain.ReportConnectionLost:
		return c.Cause
	case domain.ReportFailed:
		return c.Code
	}
	return domain.StatusCompleted
}

func TestOtherNamesTheErrorsType(t *testing.T) {
	c := outcome{stage: streaming, err: fmt.Errorf("read: %w", syscall.EHOSTUNREACH)}.command().(domain.ReportConnectionLost)
	if !strings.Contains(c.Detail, "syscall.Errno") {
		t.Errorf("detail %q", c.Detail)
	}
}

func TestDetailIsFitForTheLog(t *testing.T) {
	req := &http.Request{URL: &url.URL{RawQuery: "key=top%20secret&a=b"}, Header: http.Header{"Authorization": {"Bearer hunter2hunter2"}}}
	r := newRedactor(req, map[string]string{"Authorization": "TOKEN"})
	for text, want := range map[string]string{
		"plain":                                 "plain",
		"a\x00b\x1b[31m\r\n\t\x7f":              `a\x00b\x1b[31m\r\n\t\x7f`,
		"\u0085\u202e\u2028\u200b":              `\u0085\u202e\u2028\u200b`,
		"broken \xff\xc3":                       `broken \xff\xc3`,
		"grüße 世界 'quoted' \"twice\" \\":        "grüße 世界 'quoted' \"twice\" \\",
		"a replacement \ufffd char":             "a replacement \ufffd char",
		"GET /x?key=top%20secret&a=b failed":    "GET /x[redacted] failed",
		"the key is top secret":                 "the key is [redacted]",
		"token hunter2hunter2 is not welcome":   "token [redacted] is not welcome",
		"Authorization: Bearer hunter2hunter2.": "Authorization: [redacted].",
	} {
		if got := r.clean(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	for _, long := range []string{strings.Repeat("x", 600), strings.Repeat("世", 600), strings.Repeat("\x00", 600), strings.Repeat("\xff", 600)} {
		if got := r.clean(long); len(got) > domain.MaxDetail || len(got) < domain.MaxDetail-8 || !utf8.ValidString(got) {
			t.Errorf("%.8q… becomes %d bytes", long, len(got))
		}
	}
	if exact := strings.Repeat("x", domain.MaxDetail); r.clean(exact) != exact {
		t.Error("what fits is cut")
	}
}
