package worker

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestTheDocumentsThatShipWithGo scrapes real pages: every heading with its
// anchor is an item, and a tokenizer that knows nothing of selectors counts them.
func TestTheDocumentsThatShipWithGo(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	docs := filepath.Join(strings.TrimSpace(string(root)), "doc")
	site := httptest.NewServer(http.FileServer(http.Dir(docs)))
	defer site.Close()
	h := &HTML{
		Item:   "h1[id], h2[id], h3[id], h4[id], h5[id], h6[id]",
		Fields: map[string]string{"anchor": ".@id", "text": "."},
		Rate:   100,
		Output: filepath.Join(t.TempDir(), "headings.ndjson"),
	}
	want := map[string][]string{}
	var all int
	for _, name := range []string{"go_spec.html", "go_mem.html", "asm.html"} {
		h.Platforms = append(h.Platforms, Platform{Name: name, Start: site.URL + "/" + name})
		want[name] = anchors(t, filepath.Join(docs, name))
		all += len(want[name])
		if len(want[name]) < 10 {
			t.Errorf("%s has %d headings only: is it still the same document?", name, len(want[name]))
		}
	}
	resp, _ := post(t, serveHTML(t, h), Order{RunID: "r1"})
	kind, data, _ := outcome(t, resp)
	if kind != "completed" || !strings.HasPrefix(data, fmt.Sprintf(`{"items":%d,`, all)) {
		t.Fatalf("%s %s, want %d items", kind, data, all)
	}
	got := map[string][]string{}
	for _, r := range records(t, h.Output) {
		got[r.Platform] = append(got[r.Platform], r.Fields["anchor"])
		if r.Fields["text"] == "" {
			t.Errorf("%s#%s has no text", r.Platform, r.Fields["anchor"])
		}
	}
	for name := range want {
		t.Logf("%s: %d headings", name, len(want[name]))
		if fmt.Sprint(got[name]) != fmt.Sprint(want[name]) {
			t.Errorf("%s: anchors differ\ngot  %v\nwant %v", name, got[name], want[name])
		}
	}
}

// anchors are the ids of the headings, in the order of the file.
func anchors(t *testing.T, path string) (ids []string) {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for tokens := html.NewTokenizer(bytes.NewReader(source)); ; {
		switch tokens.Next() {
		case html.ErrorToken:
			return ids
		case html.StartTagToken:
			tag := tokens.Token()
			if len(tag.Data) != 2 || tag.Data[0] != 'h' || tag.Data[1] < '1' || tag.Data[1] > '6' {
				continue
			}
			for _, attr := range tag.Attr {
				if attr.Key == "id" {
					ids = append(ids, attr.Val)
				}
			}
		}
	}
}
