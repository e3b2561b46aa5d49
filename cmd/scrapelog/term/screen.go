package term

import (
	"os"
	"strings"

	"scrapelog/domain"
)

// CheckScreen refuses an output that cannot be drawn on again and again.
func (p *Printer) CheckScreen() error {
	switch name := os.Getenv("TERM"); {
	case !p.terminal || !p.IsTable():
		return Usagef("the output is not a terminal: use \"scrapelog status\"")
	case name == "" || name == "dumb":
		return Usagef("TERM is %q, on which nothing can be drawn: set it to the name of your terminal, such as xterm, or use \"scrapelog status\"", name)
	}
	return nil
}

// Coloured reports whether colours are wanted.
func (p *Printer) Coloured() bool { return p.colour }

// Paint returns a text in the colour of a status, where colours are wanted. A status that
// is none leaves it as it is.
func (p *Printer) Paint(status domain.RunStatus, text string) string {
	if colour, ok := statusColours[status]; ok && p.colour {
		return colour + text + "\x1b[0m"
	}
	return text
}

// Place returns foreign text that takes so many columns of a terminal and no more: cut, or
// with blanks at its end.
func Place(text string, places int) string {
	text = cut(safe(text), max(0, places))
	return text + strings.Repeat(" ", max(0, places-columns(text)))
}

// Wrap returns foreign text as lines of at most so many columns, broken at blanks.
func Wrap(text string, places int) (lines []string) {
	words := strings.Split(safe(text), " ")
	line := words[0]
	for _, word := range words[1:] {
		if columns(line)+1+columns(word) > places {
			lines, line = append(lines, line), word
			continue
		}
		line += " " + word
	}
	return append(lines, line)
}
