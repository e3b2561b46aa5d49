package pages

import (
	"context"
	"io"
	"strings"

	"github.com/a-h/templ"
)

// highlighted is JSON, or its beginning, with keys, strings and other values told apart.
func highlighted(text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var b strings.Builder
		for text != "" {
			token, class := jsonToken(text)
			text = text[len(token):]
			if class == "" {
				b.WriteString(templ.EscapeString(token))
				continue
			}
			b.WriteString(`<span class="` + class + `">` + templ.EscapeString(token) + `</span>`)
		}
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// jsonToken returns the first token of a text and the class that it is shown with; none
// for punctuation and numbers.
func jsonToken(text string) (token, class string) {
	if text[0] != '"' {
		end := strings.IndexByte(text, '"')
		if end < 0 {
			end = len(text)
		}
		return text[:end], ""
	}
	end := 1
	for end < len(text) && text[end] != '"' {
		if text[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end+1, len(text))
	if strings.HasPrefix(strings.TrimLeft(text[end:], " "), ":") {
		return text[:end], "json-key"
	}
	return text[:end], "json-text"
}
