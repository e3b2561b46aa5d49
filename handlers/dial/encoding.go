package dial

import (
	"net/http"
	"strings"
)

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
