// Package assets holds the files that pages load: our own style sheet and
// script, and the libraries that build.sh takes from npm, each with its licence
// beside it. Everything is embedded, so a page needs nothing but this server.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed app.css actions.js app.js keys.js news.js palette.js theme.js times.js favicon.svg favicon-lost.svg dist
var files embed.FS

// Prefix is the path under which Handler expects to be served.
const Prefix = "/assets/"

var versions = hashAll()

// hashAll maps each file's name to a short hash of what it holds.
func hashAll() map[string]string {
	found := map[string]string{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		sum := sha256.Sum256(content)
		found[path.Base(name)] = hex.EncodeToString(sum[:6])
		return err
	})
	if err != nil {
		panic(err) // an embedded file system that cannot be read is a broken binary
	}
	return found
}

// URL is where a page finds a file: "/assets/app.css?v=…". The version follows
// from the content, so that browsers may keep what they have for ever.
func URL(name string) string { return Prefix + name + "?v=" + versions[name] }

// Handler serves the files by their base names, and nothing else.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, Prefix)
		version, known := versions[name]
		if !known {
			http.NotFound(w, r)
			return
		}
		header := w.Header()
		header.Set("Cache-Control", caching(r, version))
		header.Set("ETag", `"`+version+`"`)
		header.Set("Vary", "Accept-Encoding")
		packed := packedFiles()[name]
		if len(packed) == 0 || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			http.ServeFileFS(w, r, files, located(name))
			return
		}
		header.Set("ETag", `"`+version+`-gzip"`)
		header.Set("Content-Encoding", "gzip")
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(packed))
	})
}

// packedFiles are the texts among the files, compressed. Fonts are by themselves.
var packedFiles = sync.OnceValue(func() map[string][]byte {
	packed := map[string][]byte{}
	for name := range versions {
		if path.Ext(name) == ".woff2" {
			continue
		}
		content, err := files.ReadFile(located(name))
		if err != nil {
			panic(err) // as in hashAll
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(content) // into memory
		_ = z.Close()
		packed[name] = b.Bytes()
	}
	return packed
})

func caching(r *http.Request, version string) string {
	if r.URL.Query().Get("v") == version {
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}

// located is where a file lies: ours beside this one, the libraries in dist.
func located(name string) string {
	if _, err := fs.Stat(files, name); err == nil {
		return name
	}
	return "dist/" + name
}
