package client

import (
	"cmp"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/uuid"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/handlers/words"
)

// tell asks what became of the last run of the chosen scraper.
func (m *top) tell() tea.Cmd {
	s, ok := m.scraper(m.selected)
	if !ok {
		return nil
	}
	id := cmp.Or(s.OpenRun, s.LastRun.ID)
	if id == uuid.Nil {
		m.said = s.Name + " has not run yet; s starts a run"
		return nil
	}
	wide := m.width
	return func() tea.Msg {
		lines, err := m.runLines(id, wide)
		return told{page{title: s.Name + ", run " + id.String(), lines: lines}, err}
	}
}

// runLines returns a run as "runs show" prints it, and its events.
func (m *top) runLines(id uuid.UUID, wide int) ([]string, error) {
	r, err := m.c.run(m.ctx, id.String())
	if err != nil {
		return nil, err
	}
	story, err := m.c.story(m.ctx, r.view)
	if err != nil {
		return nil, err
	}
	lines := append(term.Wrap(strings.ReplaceAll(story.Summary(time.Now()), words.Unit, " "), wide), "")
	events, err := m.c.eventsOf(m.ctx, id)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		event, _ := e.Event() // nil for one of a newer version, which has its own words
		lines = append(lines, hanging(e.RecordedAt.UTC().Format("15:04:05Z"), words.Summary(event), wide)...)
	}
	facts, err := factsOf(r.raw)
	if err != nil {
		return nil, err
	}
	lines = append(lines, "")
	for _, f := range append(facts, explained(r.view.why())...) {
		if f[1] != "" {
			lines = append(lines, hanging(f[0], f[1], wide)...)
		}
	}
	return lines, nil
}

// hanging returns lines that begin with a title, and go on under its text.
func hanging(title, text string, wide int) []string {
	const indent = 14
	lines := term.Wrap(strings.ReplaceAll(text, words.Unit, " "), max(1, wide-indent))
	for i := range lines {
		lines[i] = term.Place(title, indent) + lines[i]
		title = ""
	}
	return lines
}
