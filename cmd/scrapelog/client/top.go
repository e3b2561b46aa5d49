package client

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/projections"
)

// Top returns "scrapelog top".
func Top() *cobra.Command {
	interval := 2 * time.Second
	cmd := &cobra.Command{
		Use:   "top",
		Short: "The same as status, live: a line of time for each scraper, and keys",
		Long: `top draws what status prints again and again, with a line of the last hours for each
scraper, the troubled ones first. A mark is a quarter of an hour:

  ` + legend + `

Keys: j k and the arrows move, Enter shows what became of a scraper's last run, s starts
a run, p pauses or resumes, / shows only names that contain a text, ? lists all keys, q
and Ctrl-C quit. It needs a terminal. A server that does not answer is asked again.`,
		Example: "  scrapelog top --interval 5s",
		RunE: term.Run(func(ctx context.Context, cmd *cobra.Command, out *term.Printer, _ []string) error {
			if interval < 100*time.Millisecond {
				return term.Usagef("--interval: %s is too short; use 100ms or more", interval)
			}
			if err := out.CheckScreen(); err != nil {
				return err
			}
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			return out.WhileRead(ctx, func(ctx context.Context) error {
				return runTop(ctx, newTop(ctx, c, out, interval), tea.WithInput(cmd.InOrStdin()))
			})
		}),
	}
	term.AddDataFlags(cmd)
	addServerFlag(cmd)
	cmd.Flags().DurationVar(&interval, "interval", interval, "how often the server is asked")
	return cmd
}

// runTop draws until a key or the end of ctx quits. The terminal is left as it was.
func runTop(ctx context.Context, m *top, options ...tea.ProgramOption) error {
	colours := colorprofile.ASCII
	if m.out.Coloured() {
		colours = colorprofile.ANSI
	}
	// Signals end ctx.
	_, err := tea.NewProgram(m, append(options, tea.WithContext(ctx), tea.WithOutput(m.out.Out),
		tea.WithoutSignalHandler(), tea.WithColorProfile(colours))...).Run()
	if ctx.Err() != nil {
		return nil //nolint:nilerr // it is how it ends
	}
	return cmp.Or(m.failed, err)
}

// top is what the screen shows, and what it knows to show it. Bubble Tea calls Update and
// View in turns; commands run beside them and answer with a message.
type top struct {
	c        *client
	out      *term.Printer
	interval time.Duration
	ctx      context.Context //nolint:containedctx // Bubble Tea has no place for it

	width, height int
	now           time.Time

	status   status
	lanes    map[string][]slot
	heard    time.Time // when the server answered last
	lost     error     // why it does not answer
	asking   bool
	laning   bool
	askAgain bool
	failed   error // what no waiting mends, such as a token that was revoked

	shown    []string // the names of the list, in order
	first    int      // the first that is on the screen
	selected string
	filter   string
	question *question
	page     *page  // in front of the list
	said     string // the answer to what a key did
}

// page is text in front of the list.
type page struct {
	title string
	lines []string
	first int // the first line that is seen
}

// question asks for a line of text.
type question struct {
	text   string
	answer string
	typed  func(m *top, answer string)         // at each key; optional
	done   func(m *top, answer string) tea.Cmd // at Enter
	undo   func(m *top)                        // at Esc; optional
}

func newTop(ctx context.Context, c *client, out *term.Printer, interval time.Duration) *top {
	return &top{ctx: ctx, c: c, out: out, interval: interval, now: time.Now(), lanes: map[string][]slot{}, width: 80, height: 24}
}

// The messages of commands.
type (
	ticked   struct{}
	redrawn  time.Time
	answered struct {
		status status
		lanes  map[string][]slot
		err    error
	}
	laned struct {
		lanes map[string][]slot
		err   error
	}
	told struct {
		page page
		err  error
	}
	did struct {
		what string
		err  error
	}
)

func (m *top) Init() tea.Cmd { return tea.Batch(m.ask(), m.tick(), redraw()) }

func (m *top) tick() tea.Cmd {
	return tea.Tick(m.interval, func(time.Time) tea.Msg { return ticked{} })
}

// redraw keeps the ages right.
func redraw() tea.Cmd {
	return tea.Tick(time.Second, func(t time.Time) tea.Msg { return redrawn(t) })
}

// ask asks for all that is shown, one request after the other.
func (m *top) ask() tea.Cmd {
	if m.asking {
		m.askAgain = true
		return nil
	}
	m.asking, m.askAgain = true, false
	before, names := m.status, m.visible()
	return func() tea.Msg {
		s, err := m.c.status(m.ctx, before)
		if err == nil && len(names) == 0 {
			names = s.sortedNames("")
			names = names[:min(len(names), lanesAtOnce)]
		}
		var lanes map[string][]slot
		if err == nil {
			lanes, err = m.c.lanes(m.ctx, names)
		}
		return answered{s, lanes, err}
	}
}

func (m *top) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	cmd := m.take(msg)
	m.scroll()
	return m, tea.Batch(cmd, m.askLanes())
}

func (m *top) take(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		return m.press(msg)
	case tea.PasteMsg:
		m.insert(msg.Content)
	case redrawn:
		m.now = time.Time(msg)
		return redraw()
	case ticked:
		return tea.Batch(m.ask(), m.tick())
	case answered:
		return m.hear(msg)
	case laned:
		m.laning = false
		if msg.err == nil {
			m.lanes = msg.lanes
		}
	case told:
		if msg.err != nil {
			m.said = msg.err.Error()
			break
		}
		m.page = &msg.page
	case did:
		if m.said = msg.what; msg.err != nil {
			m.said = msg.err.Error()
		}
		return m.ask()
	}
	return nil
}

// hear takes an answer. A refusal ends the program: it would be repeated.
func (m *top) hear(a answered) tea.Cmd {
	m.asking, m.lost, m.now = false, a.err, time.Now()
	switch {
	case errors.Is(a.err, term.ErrRefused):
		m.failed = a.err
		return tea.Quit
	case a.err == nil:
		m.status, m.lanes, m.heard = a.status, a.lanes, m.now
		m.sort()
	}
	if m.askAgain {
		return m.ask()
	}
	return nil
}

// start starts a run of the chosen scraper.
func (m *top) start() tea.Cmd {
	name := m.selected
	return func() tea.Msg {
		r, err := m.c.start(m.ctx, name, startRequest{})
		return did{name + ": run " + m.out.ID(r.view.ID) + " started", err}
	}
}

// pauseOrResume asks before it changes the chosen scraper.
func (m *top) pauseOrResume() {
	s, ok := m.scraper(m.selected)
	if !ok {
		return
	}
	verb, done := "pause", "paused"
	if s.Paused {
		verb, done = "resume", "resumed"
	}
	m.question = &question{
		text: strings.ToUpper(verb[:1]) + verb[1:] + " " + s.Name + "? Enter does, Esc does not. Reason: ",
		done: func(m *top, reason string) tea.Cmd {
			return func() tea.Msg {
				var answer scraperDoc
				err := m.c.post(m.ctx, scraperPath(s.Name)+"/"+verb, map[string]string{"reason": strings.TrimSpace(reason)}, &answer)
				return did{s.Name + " " + done, err}
			}
		},
	}
}

// sort orders the names and keeps the choice.
func (m *top) sort() {
	m.shown = m.status.sortedNames(m.filter)
	if len(m.shown) > 0 && !slices.Contains(m.shown, m.selected) {
		m.selected = m.shown[0]
	}
	if len(m.shown) == 0 {
		m.selected = ""
	}
}

// sortedNames returns the names that contain a text, those in trouble first.
func (s status) sortedNames(part string) (names []string) {
	for _, group := range [][]string{s.Scrapers.Lost, s.Scrapers.Failing, s.Scrapers.Overdue, allNames(s.all)} {
		for _, name := range slices.Sorted(slices.Values(group)) {
			if strings.Contains(name, strings.ToLower(part)) {
				names = append(names, name)
			}
		}
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(names, func(name string) bool {
		again := seen[name]
		seen[name] = true
		return again
	})
}

func allNames(scrapers []projections.Scraper) []string {
	names := make([]string, len(scrapers))
	for i, s := range scrapers {
		names[i] = s.Name
	}
	return names
}
