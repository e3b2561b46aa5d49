package dial

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// statusLine is the shortest beginning of an answer.
const statusLine = "HTTP/1.1 200"

var errHeaderTooLong = fmt.Errorf("the header is longer than %d KiB", maxHeader>>10)

// MalformedError is an answer that began with a status line and is no proper HTTP.
// The peer has answered, definitely. The error quotes nothing of the answer, which
// may repeat the request.
type MalformedError struct {
	Status  int // of the status line; zero: it has none that can be read
	Problem string
}

func (e *MalformedError) Error() string { return "the answer is no proper HTTP: " + e.Problem }

// explain names what stood behind the error that net/http's parser returned for an
// answer that began as given. What the connection failed with comes before what the
// parser made of it: a header that was cut is no malformed one.
func (l *limited) explain(began string, err error) error {
	answered := isAnswer(began)
	cut := errors.Is(l.err, io.EOF)
	switch {
	case errors.Is(l.err, errHeaderTooLong) && answered:
		return &MalformedError{statusOf(began), errHeaderTooLong.Error()}
	case l.err != nil && !cut:
		return l.err
	case cut && (answered || strings.HasPrefix(statusLine, began)):
		return io.ErrUnexpectedEOF
	case answered:
		return &MalformedError{statusOf(began), problem(err.Error())}
	}
	return err
}

// isAnswer says whether an answer of HTTP/1 begins so, be it in an odd spelling.
func isAnswer(began string) bool {
	began = strings.TrimLeft(began, " \t\r\n")
	return len(began) > 5 && strings.EqualFold(began[:5], "HTTP/") && began[5] >= '0' && began[5] <= '9'
}

func statusOf(began string) int {
	_, after, _ := strings.Cut(strings.TrimSpace(began), " ")
	status, err := strconv.Atoi(strings.TrimSpace(after))
	if err != nil || status < 100 || status > 999 {
		return 0
	}
	return status
}

// problem says in our words what net/http's parser complains about.
func problem(text string) string {
	for _, known := range []struct{ part, problem string }{
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
