package worker

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

func coded(t testing.TB, coding, s string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zlib":
		w = zlib.NewWriter(&b)
	case "raw":
		w, _ = flate.NewWriter(&b, flate.BestCompression)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		w, _ = zstd.NewWriter(&b)
	}
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestABodyIsDecodedOrRefused(t *testing.T) {
	page := "<li>lamp</li>" + strings.Repeat("<p>text</p>", 100)
	gz := coded(t, "gzip", page)
	tests := map[string]struct {
		header string
		body   string
		says   string // a part of the error; empty: it is decoded
	}{
		"gzip":                               {"gzip", gz, ""},
		"x-gzip in upper case":               {"X-GZIP", gz, ""},
		"deflate as zlib":                    {"deflate", coded(t, "zlib", page), ""},
		"deflate without zlib's header":      {"deflate", coded(t, "raw", page), ""},
		"brotli":                             {"br", coded(t, "br", page), ""},
		"zstd":                               {"zstd", coded(t, "zstd", page), ""},
		"gzip in gzip":                       {"gzip, gzip", coded(t, "gzip", gz), ""},
		"brotli in gzip":                     {"br,gzip", coded(t, "gzip", coded(t, "br", page)), ""},
		"identity":                           {"identity", page, ""},
		"none":                               {"none", page, ""},
		"an empty value":                     {"", page, ""},
		"identity beside gzip":               {"identity, gzip", gz, ""},
		"compress":                           {"compress", page, "Content-Encoding compress: was not requested"},
		"a word that is no coding":           {"utf-8", page, "Content-Encoding utf-8"},
		"five codings":                       {"gzip,gzip,gzip,gzip,gzip", gz, "names 5 codings"},
		"gzip that is none":                  {"gzip", page, "Content-Encoding gzip"},
		"deflate that is none":               {"deflate", page, "Content-Encoding deflate"},
		"brotli that is none":                {"br", page, "Content-Encoding br"},
		"zstd that is none":                  {"zstd", page, "Content-Encoding zstd"},
		"gzip that is cut":                   {"gzip", gz[:len(gz)-12], "Content-Encoding gzip"},
		"gzip in gzip, named once":           {"gzip", coded(t, "gzip", gz), "is gzip data, not HTML"},
		"gzip that no header names":          {"identity", gz, "is gzip data, not HTML"},
		"zstd that no header names":          {"identity", coded(t, "zstd", page), "is zstd data, not HTML"},
		"brotli that no header names":        {"identity", coded(t, "br", rnd), "is binary data, not HTML"},
		"raw deflate that no header names":   {"identity", coded(t, "raw", rnd), "is binary data, not HTML"},
		"gzip past 16 MiB once it is undone": {"gzip", bomb(t, "gzip"), "is longer than 16 MiB"},
		"brotli past 16 MiB":                 {"br", bomb(t, "br"), "is longer than 16 MiB"},
		"zstd past 16 MiB":                   {"zstd", bomb(t, "zstd"), "is longer than 16 MiB"},
		"gzip in gzip past 16 MiB":           {"gzip, gzip", coded(t, "gzip", bomb(t, "gzip")), "is longer than 16 MiB"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var asked string
			got := crawlSite(t, routes{"/": func(w http.ResponseWriter, r *http.Request) {
				asked = r.Header.Get("Accept-Encoding")
				body(tt.body, "Content-Encoding", tt.header)(w, r)
			}}, nil)
			if asked != "gzip, deflate, br, zstd" {
				t.Errorf("Accept-Encoding: %s", asked)
			}
			if tt.says == "" && (got.kind != "completed" || got.items != 1) || !strings.Contains(got.error, tt.says) {
				t.Errorf("%+v, want %q", got, tt.says)
			}
		})
	}
}

// rnd does not compress to a few bytes.
var rnd = func() string {
	var b strings.Builder
	for i, x := 0, uint32(1); i < 4000; i++ {
		x = x*1664525 + 1013904223
		b.WriteByte('a' + byte(x>>24)%26)
	}
	return "<li>" + b.String()
}()

func bomb(t testing.TB, coding string) string {
	return coded(t, coding, "<li>"+strings.Repeat(" ", maxPage+1<<20))
}

// A site may link an archive. It is not unpacked, under any URL or type.
func TestAnArchiveIsNotUnpacked(t *testing.T) {
	packed := coded(t, "gzip", "<li>lamp</li>")
	for contentType, says := range map[string]string{
		"application/gzip":   "is application/gzip, not HTML",
		"application/x-gzip": "is application/x-gzip, not HTML",
		"text/html":          "is gzip data, not HTML",
	} {
		got := crawlSite(t, routes{"/sitemap.xml.gz": body(packed, "Content-Type", contentType)}, func(h *HTML, base string) {
			h.Platforms[0].Start = base + "/sitemap.xml.gz"
		})
		if got.kind != "failed" || !strings.Contains(got.error, says) {
			t.Errorf("%s: %+v, want %s", contentType, got, says)
		}
	}
}
