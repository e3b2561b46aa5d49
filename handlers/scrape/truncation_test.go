package scrape

import (
	"fmt"
	"strings"
	"testing"

	"scrapelog/domain"
)

// recording is a stream as a scraper sends it: every kind of event, and the
// terminal one in the middle of what is sent, so that a cut after it succeeds.
const recording = ": welcome\n\nevent: progress\r\ndata: {\"platform\":\"alpha\"}\r\n\r\n" +
	"event: beat\n\nid: 3\ndata: two\ndata: lines\n\n" + completed + ": bye\n\n"

// TestTruncation closes the connection after every byte of a recorded stream, in
// every framing. A run may only be completed when the blank line that ends the
// terminal event got through; before that it has lost its connection, truncated where
// the framing tells.
func TestTruncation(t *testing.T) {
	whole := strings.Index(recording, completed) + len(completed)
	framings := map[string]func(upTo int) string{
		"close-delimited": func(n int) string { return streamHeader + "\r\n" + recording[:n] },
		"length": func(n int) string {
			return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", streamHeader, len(recording), recording[:n])
		},
		"one chunk": func(n int) string {
			return chunkedHeader + chunk(recording)[:len(chunk(recording))-len(recording)-2+n]
		},
		"chunks of a byte": func(n int) string {
			var b strings.Builder
			for i := range n {
				b.WriteString(chunk(recording[i : i+1]))
			}
			return chunkedHeader + b.String()
		},
	}
	for name, cut := range framings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := range len(recording) + 1 {
				c, _, _ := answer(cut(n)).run(t)
				_, success := c.(domain.ReportCompleted)
				if success != (n >= whole) {
					t.Errorf("cut at byte %d of %d: %s", n, whole, recordedAs(c))
				}
				want := domain.CauseTruncated
				if name == "close-delimited" {
					want = domain.CauseEOF // its end cannot be told from a cut
				}
				if lost, is := c.(domain.ReportConnectionLost); !success && (!is || lost.Cause != want || lost.Phase != domain.PhaseStreaming) {
					t.Errorf("cut at byte %d of %d: %s, want %s", n, whole, recordedAs(c), want)
				}
			}
		})
	}
	t.Run("in the header", func(t *testing.T) {
		t.Parallel()
		for n := range len(chunkedHeader) {
			for cause, cut := range map[domain.Cause]scenario{domain.CauseEOF: answer(chunkedHeader[:n]), domain.CauseReset: broken(chunkedHeader[:n], 0)} {
				c, _, _ := cut.run(t)
				if lost, is := c.(domain.ReportConnectionLost); !is || lost.Phase != domain.PhaseConnecting || lost.Cause != cause {
					t.Errorf("%s at byte %d of the header: %s", cause, n, recordedAs(c))
				}
			}
		}
	})
}
