package client

import (
	"slices"
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"scrapelog/domain"
)

// keyHelp lists the keys.
const keyHelp = `j  k  ↓  ↑        the next scraper, the one before
PgDn  PgUp        a screen further, back
g  G  Home  End   the first scraper, the last
Enter             what became of the last run
s                 start a run
p                 pause, or resume
/                 show only names that contain a text; Esc shows all
Ctrl-Z            suspend; fg comes back
?                 this list
Esc               back
q  Ctrl-C         quit

A mark of a line is a quarter of an hour:
`

// press does what a key asks for.
func (m *top) press(key tea.KeyPressMsg) tea.Cmd {
	switch key.String() {
	case "ctrl+c":
		return tea.Quit
	case "ctrl+z":
		return tea.Suspend
	}
	switch {
	case m.question != nil:
		return m.pressAnswer(key)
	case m.page != nil:
		m.pressPage(key.String())
		return nil
	}
	m.said = ""
	return m.pressList(key.String())
}

func (m *top) pressList(key string) tea.Cmd {
	switch key {
	case "q":
		return tea.Quit
	case "?":
		m.page = &page{title: "Keys", lines: strings.Split(keyHelp+legend, "\n")}
	case "/":
		before := m.filter
		m.question = &question{
			text: "Show names that contain: ", answer: m.filter,
			typed: func(m *top, text string) { m.filter = text; m.sort() },
			done:  func(*top, string) tea.Cmd { return nil },
			undo:  func(m *top) { m.filter = before; m.sort() },
		}
	case "esc":
		m.filter = ""
		m.sort()
	case "enter":
		if m.selected != "" {
			return m.tell()
		}
	case "s":
		if m.selected != "" {
			return m.start()
		}
	case "p":
		m.pauseOrResume()
	default:
		m.move(key)
	}
	return nil
}

// moves are how far keys move, in lines and in screens.
var moves = map[string]struct{ lines, screens int }{
	"j": {lines: 1}, "down": {lines: 1}, "k": {lines: -1}, "up": {lines: -1},
	"pgdown": {screens: 1}, "space": {screens: 1}, "pgup": {screens: -1}, "b": {screens: -1},
	"g": {lines: -1 << 30}, "home": {lines: -1 << 30}, "G": {lines: 1 << 30}, "end": {lines: 1 << 30},
}

func (m *top) move(key string) {
	by, ok := moves[key]
	if !ok || len(m.shown) == 0 {
		return
	}
	at := slices.Index(m.shown, m.selected) + by.lines + by.screens*m.rows()
	m.selected = m.shown[min(max(0, at), len(m.shown)-1)]
}

func (m *top) pressPage(key string) {
	switch key {
	case "q", "esc", "enter":
		m.page = nil
		return
	}
	by, high := moves[key], m.height-pageFrame
	m.page.first = max(0, min(m.page.first+by.lines+by.screens*high, len(m.page.lines)-high))
}

func (m *top) pressAnswer(key tea.KeyPressMsg) tea.Cmd {
	q := m.question
	switch key.String() {
	case "esc":
		m.question = nil
		if q.undo != nil {
			q.undo(m)
		}
	case "enter":
		m.question = nil
		return q.done(m, q.answer)
	case "backspace":
		_, size := utf8.DecodeLastRuneInString(q.answer)
		m.answer(q.answer[:len(q.answer)-size])
	case "ctrl+u":
		m.answer("")
	default:
		m.insert(key.Text)
	}
	return nil
}

// insert adds typed or pasted text to the answer.
func (m *top) insert(text string) {
	if m.question != nil && text != "" {
		m.answer(m.question.answer + oneLine.Replace(text))
	}
}

var oneLine = strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ")

func (m *top) answer(text string) {
	if !domain.Line(text) {
		return
	}
	if m.question.answer = text; m.question.typed != nil {
		m.question.typed(m, text)
	}
}
