package worker

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// acceptEncoding names the content codings that decodeBody understands.
const acceptEncoding = "gzip, deflate, br, zstd"

const (
	maxCodings = 4       // one upon the other
	zstdWindow = 8 << 20 // what RFC 9659 lets a server use
)

// errTooLong reports that a decoded body is longer than its limit.
var errTooLong = errors.New("is too long")

// readBody reads at most limit bytes of the answer's decoded body. A longer body is cut
// there, with errTooLong.
func readBody(resp *http.Response, limit int) ([]byte, error) {
	body, err := decodeBody(resp.Body, resp.Header.Values("Content-Encoding"))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	got, err := io.ReadAll(io.LimitReader(body, int64(limit)+1))
	if len(got) > limit {
		return got[:limit], errTooLong
	}
	return got, err
}

// decodeBody decodes content codings, the one that was applied last first.
func decodeBody(body io.Reader, header []string) (io.ReadCloser, error) {
	codings := codingsOf(header)
	if len(codings) > maxCodings {
		return nil, fmt.Errorf("Content-Encoding names %d codings; at most %d are decoded", len(codings), maxCodings)
	}
	decoded := io.NopCloser(body)
	for i := len(codings) - 1; i >= 0; i-- {
		next, err := undo(codings[i], decoded)
		if err != nil {
			return nil, fmt.Errorf("Content-Encoding %s: %w", codings[i], err)
		}
		decoded = &layer{codings[i], next, decoded}
	}
	return decoded, nil
}

// codingsOf leaves out "identity" and "none", which mean that nothing is encoded.
func codingsOf(header []string) (codings []string) {
	for _, coding := range strings.Split(strings.Join(header, ","), ",") {
		switch coding = strings.ToLower(strings.TrimSpace(coding)); coding {
		case "", "identity", "none":
		default:
			codings = append(codings, coding)
		}
	}
	return codings
}

func undo(coding string, body io.Reader) (io.ReadCloser, error) {
	switch coding {
	case "gzip", "x-gzip":
		return gzip.NewReader(body)
	case "deflate":
		return inflate(body)
	case "br":
		return io.NopCloser(brotli.NewReader(body)), nil
	case "zstd":
		d, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return nil, errors.New("was not requested; use " + acceptEncoding)
}

// inflate reads "deflate", which is zlib by RFC 9110 and raw from many servers.
func inflate(body io.Reader) (io.ReadCloser, error) {
	peeked := bufio.NewReader(body)
	head, _ := peeked.Peek(2)
	if len(head) == 2 && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(peeked)
	}
	return flate.NewReader(peeked), nil
}

// layer adds the name of its coding to read errors.
type layer struct {
	coding string
	io.ReadCloser
	below io.Closer
}

func (l *layer) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("Content-Encoding %s: %w", l.coding, err)
	}
	return n, err
}

func (l *layer) Close() error { return errors.Join(l.ReadCloser.Close(), l.below.Close()) }
