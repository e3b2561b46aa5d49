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
	chrome, err := h.chrome(c, "/docs", "Documents", "")
	if err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.Documents(chrome, docs.Shelves()))
}

// document answers with one document. Links between documents end in ".md", as they
// do where the files are read in their folder.
func (h *Handler) document(c echo.Context) error {
	d, ok := docs.Get(strings.TrimSuffix(c.Param("*"), ".md"))
	if !ok {
		return echo.ErrNotFound
	}
	chrome, err := h.chrome(c, "/docs", d.Title, "")
	if err != nil {
		return err
	}
	var html bytes.Buffer
	if err := markdown.Convert([]byte(d.Text), &html); err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.Document(chrome, html.String()))
}
