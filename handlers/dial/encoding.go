package dial

import (
	"net/http"
	"strings"
)

// EventStream reports whether the media type of an answer is that of an event stream. The
// parameters are not parsed: servers write them in ways that mime refuses.
func EventStream(h http.Header) bool {
	media, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(media), "text/event-stream")
}

// ContentEncoding returns the first encoding of a body, or "" if it has none.
// "identity" and "none" are not encodings: servers send them so that no proxy
// compresses the stream.
func ContentEncoding(h http.Header) string {
	for _, line := range h.Values("Content-Encoding") {
		for encoding := range strings.SplitSeq(line, ",") {
			encoding = strings.TrimSpace(encoding)
			if encoding != "" && !strings.EqualFold(encoding, "identity") && !strings.EqualFold(encoding, "none") {
				return encoding
			}
		}
	}
	return ""
}
