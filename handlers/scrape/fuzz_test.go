package scrape

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
)

// ends is how the bytes of a fuzzed stream may end.
var ends = []error{
	io.EOF, io.ErrUnexpectedEOF,
	&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET},
	errors.New("malformed chunked encoding"), errors.New("something new\x00\xff"),
}

// FuzzStream reads arbitrary bytes as a stream. What is recorded must follow from
// the first terminal event that got through whole, found here by a reading of the
// standard that has nothing in common with the parser's.
func FuzzStream(f *testing.F) {
	for _, seed := range []string{
		recording, completed, progress + completed + "event: failed\ndata: {}\n\n",
		"event: failed\rdata: {\"error\":\"\x1b[31m\"}\r\r", "event:completed\r\ndata:{\"items\":1}\r\n\r\n",
		"\xef\xbb\xbfevent: completed\ndata: {\"items\":2}\n\n", ": ping\n: ping\n", "\n\n\r\r\n\n",
		"event: completed\n\n", "event: completed\nevent: progress\ndata\n\n", "data: {\"items\":3}\nevent: completed\nretry: 1\n\n",
		"event: completed\ndata: {\"items\":1}\n", "id: \x00\n\nevent\n\n", "events: completed\n\n",
	} {
		f.Add([]byte(seed), uint8(0))
		f.Add([]byte(seed), uint8(1))
	}
	f.Fuzz(func(t *testing.T, stream []byte, end uint8) {
		stream = stream[:min(len(stream), maxEvent-1)] // a longer event is another rule's business
		o := outcome{cfg: testConfig(), stage: streaming, endedAt: time.Now(), redact: redactor{[]string{"?" + secretQuery}}}
		body := io.MultiReader(bytes.NewReader(stream), iotest.ErrReader(ends[int(end)%len(ends)]))
		if end >= 128 {
			body = iotest.OneByteReader(body)
		}
		o.said, o.err = o.listen(body, func(error) {}, func(time.Time) {})
		checkFuzzed(t, o, string(stream))
	})
}

func checkFuzzed(t *testing.T, o outcome, stream string) {
	expected, heard := firstTerminal(stream)
	c := o.command()
	if c == nil {
		t.Fatal("nothing is recorded")
	}
	switch c := c.(type) {
	case domain.ReportCompleted:
		if !heard || !expected.Completed || c.Items != expected.Items || c.Items < 0 {
			t.Errorf("completed with %d items; the stream says %+v", c.Items, expected)
		}
	case domain.ReportFailed:
		if !heard || expected.Completed {
			t.Errorf("failed as %s; the stream says %+v", c.Code, expected)
		}
		checkDetail(t, c.Detail)
	case domain.ReportConnectionLost:
		if heard {
			t.Errorf("lost by %s; the stream says %+v", c.Cause, expected)
		}
		if c.Received.Bytes != int64(len(stream)) {
			t.Errorf("received %d of %d bytes", c.Received.Bytes, len(stream))
		}
		checkDetail(t, c.Detail)
	}
}

// firstTerminal interprets a stream line by line, as the HTML standard words it,
// but for one habit of the parser's that we live with: an event without data is
// dispatched too.
func firstTerminal(stream string) (dial.Terminal, bool) {
	var event, data string
	var dirty bool
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(stream, "\xef\xbb\xbf")), "\n")
	for _, line := range lines[:len(lines)-1] { // what no line end follows is no line
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "" && dirty:
			if last, is := dial.ParseTerminal(event, strings.TrimSuffix(data, "\n")); is {
				return last, true
			}
			event, data, dirty = "", "", false
		case name == "event":
			event, dirty = value, true
		case name == "data":
			data, dirty = data+value+"\n", true
		case name == "id" && !strings.Contains(value, "\x00"):
			dirty = true
		}
	}
	return dial.Terminal{}, false
}
