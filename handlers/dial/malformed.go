package dial

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// statusLine is as long as the shortest status line of an answer.
const statusLine = "HTTP/1.1 200"

// MalformedError reports an answer that begins with a status line and is not valid
// HTTP after it. The peer has answered. The error quotes nothing of the answer, which
// may repeat the request.
type MalformedError struct {
	Status  int // of the first status line; zero: not readable, or of an interim answer
	Problem string
}

func (e *MalformedError) Error() string { return "the answer is no proper HTTP: " + e.Problem }

// explain returns the reason behind an error of net/http. An error of the
// connection comes first: a header that was cut off is not malformed.
func (l *link) explain(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	began := string(l.began)
	answered, cut := isAnswer(began), errors.Is(l.err, io.EOF)
	switch {
	case l.err != nil && !cut:
		return l.err
	case cut && (answered || strings.HasPrefix(statusLine, began)):
		return io.ErrUnexpectedEOF
	case answered:
		return &MalformedError{statusOf(began), problem(err.Error())}
	}
	return err
}

// isAnswer reports whether the first bytes are those of an HTTP/1 status line. It
// accepts leading white space and lower case.
func isAnswer(began string) bool {
	began = strings.TrimLeft(began, " \t\r\n")
	return len(began) > 5 && strings.EqualFold(began[:5], "HTTP/") && began[5] >= '0' && began[5] <= '9'
}

// statusOf returns the status of a status line, or 0 if it cannot be read or is that
// of an interim answer.
func statusOf(began string) int {
	_, after, _ := strings.Cut(strings.TrimSpace(began), " ")
	status, err := strconv.Atoi(strings.TrimSpace(after))
	if err != nil || status < 200 || status > 999 {
		return 0
	}
	return status
}

// problem translates an error of net/http's parser, which quotes the peer.
func problem(text string) string {
	for _, known := range []struct{ part, problem string }{
		{"response headers exceeded", fmt.Sprintf("the header is longer than %d KiB", maxHeader>>10)},
		{"transfer encoding", "its Transfer-Encoding is not chunked"},
		{"Transfer-Encoding", "its Transfer-Encoding is not chunked"},
		{"multiple Content-Length", "it has two different values of Content-Length"},
		{"Content-Length", "its Content-Length is not a number"},
		{"MIME header", "a line of its header is malformed"},
		{"header", "a line of its header is malformed"},
		{"status code", "its status line is malformed"},
		{"HTTP version", "its status line is malformed"},
		{"HTTP response", "its status line is malformed"},
	} {
		if strings.Contains(text, known.part) {
			if strings.Contains(text, `"identity"`) {
				return `its Transfer-Encoding is "identity"; leave that header out`
			}
			return known.problem
		}
	}
	return "what follows its status line cannot be read"
}
