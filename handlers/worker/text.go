package worker

import (
	"strings"

	"scrapelog/domain"
)

const (
	// maxLine bounds a line in a progress event. JSON makes six bytes of one at
	// worst, and an event may have 64 KB.
	maxLine = 4 << 10
	// maxError bounds the text of "failed"; the log keeps 512 bytes of it.
	maxError = 480
)

// fit cuts s to at most n bytes of valid UTF-8, and marks the cut.
func fit(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	return domain.Cut(s, max(0, n-len("…"))) + "…"
}

// tail keeps the last lines of what is written to it: enough to say what went
// wrong, however much was said before. It is not for concurrent use.
type tail struct{ kept []byte }

const (
	tailBytes = 400
	tailLines = 10
)

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p[max(0, len(p)-2*tailBytes):]...)
	if len(t.kept) > 4*tailBytes {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-2*tailBytes:]...)
	}
	return len(p), nil
}

// String is the last lines, whole ones where they fit.
func (t *tail) String() string {
	s := strings.TrimSpace(strings.ToValidUTF8(string(t.kept), "\uFFFD"))
	if lines := strings.Split(s, "\n"); len(lines) > tailLines {
		s = strings.Join(lines[len(lines)-tailLines:], "\n")
	}
	if len(s) <= tailBytes {
		return s
	}
	s = s[len(s)-tailBytes:]
	if _, whole, found := strings.Cut(s, "\n"); found {
		return whole
	}
	return "…" + strings.ToValidUTF8(s, "")
}
