package web

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"

	"scrapelog/docs"
	"scrapelog/handlers/web/pages"
)

var markdown = goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))

// documents answers with the list of the documents.
func (h *Handler) documents(c echo.Context) error {
	return send(c, http.StatusOK, pages.Documents(h.frame(c, "Documents"), docs.Shelves()))
}

// frame is the frame of a document, which is readable while the database is away.
func (h *Handler) frame(c echo.Context, title string) pages.Chrome {
	if chrome, err := h.chrome(c, "/docs", title, ""); err == nil {
		return chrome
	}
	return h.bare(c, "/docs", title)
}

// document answers with one document, or with a picture of one. Links between documents end in ".md", as they
// do where the files are read in their folder.
func (h *Handler) document(c echo.Context) error {
	if picture, ok := docs.Picture(c.Param("*")); ok {
		return c.Blob(http.StatusOK, "image/png", picture)
	}
	d, ok := docs.Get(strings.TrimSuffix(c.Param("*"), ".md"))
	if !ok {
		return echo.ErrNotFound
	}
	html, err := asHTML(d.Text)
	if err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.Document(h.frame(c, d.Title), html))
}

func asHTML(text string) (string, error) {
	var html bytes.Buffer
	err := markdown.Convert([]byte(text), &html)
	return html.String(), err
}
