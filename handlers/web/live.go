package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"scrapelog/domain"
	"scrapelog/eventstore/instances"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/access"
	"scrapelog/handlers/live"
	"scrapelog/handlers/problem"
	"scrapelog/handlers/sse"
	"scrapelog/handlers/web/pages"
	"scrapelog/projections"
)

// maxTold is how many changed runs and scrapers are pushed to pages one by one.
// Beyond it pages are told to fetch themselves again: a storm of ten thousand runs
// would otherwise be pushed whole to every open page. It is well below the
// messages that a hub passes on at once. Let the hub's source be a
// [projections.Outline], which reads no more than that either.
const maxTold = projections.OutlineMost

// live streams the changes of the log as HTML to a tab, until either end leaves.
func (h *Handler) live(c echo.Context) error {
	id := c.QueryParam("id")
	if err := domain.CheckWatcher("id", id); err != nil {
		return err
	}
	if c.Request().Method == http.MethodHead {
		return sse.Head(c.Response())
	}
	messages, err := h.cfg.Live.Subscribe(c.Request().Context(), id)
	if errors.Is(err, live.ErrClosed) {
		return problem.New(problem.ShuttingDown, err.Error())
	}
	if err != nil {
		return err
	}
	stream := sse.NewWriter(c.Response())
	for message := range messages {
		if err := tell(stream, message, messages); err != nil {
			return nil // the tab has left; its subscription ends with the request
		}
	}
	return nil
}

// tell sends a message and those that wait behind it, in one write: a change is
// several.
func tell(stream *sse.Writer, message live.Message, behind <-chan live.Message) error {
	for more := true; more; {
		if err := stream.Add(message.Event, "", message.Data); err != nil {
			return err
		}
		select {
		case message, more = <-behind:
		default:
			more = false
		}
	}
	return stream.Flush()
}

// RenderFor makes the messages of a change, for a hub whose subscribers are pages of people
// of one role: the parts of pages that changed, which htmx puts in their places, and then by
// name what else changed, for pages that show more of it than those parts.
func RenderFor(role domain.Role) func(c projections.Changes) ([]live.Message, error) {
	ctx := access.With(context.Background(), access.Principal{Kind: access.KindUser, Role: role})
	return func(c projections.Changes) ([]live.Message, error) {
		var b bytes.Buffer
		for _, part := range parts(c, time.Now()) {
			if err := part.Render(ctx, &b); err != nil {
				return nil, err
			}
		}
		messages := append([]live.Message{{Data: b.Bytes()}, {Event: "lost", Data: []byte(pages.LostShown(c.Losses))}}, names(c)...)
		return append(messages, live.Message{Event: positionEvent(c), Data: strconv.AppendInt(nil, c.Position, 10)}), nil
	}
}

// Hubs has a hub for each role of users: what is rendered for one is not shared with
// another.
type Hubs map[domain.Role]*live.Hub

// Subscribe opens the stream of the role that the context's principal has.
func (h Hubs) Subscribe(ctx context.Context, watcherID string) (<-chan live.Message, error) {
	hub, ok := h[access.From(ctx).Role]
	if !ok {
		return nil, problem.New(problem.Role, "pages need view")
	}
	return hub.Subscribe(ctx, watcherID)
}

// Readers returns how many streams the hubs serve.
func (h Hubs) Readers() (n int) {
	for _, hub := range h {
		n += hub.Readers()
	}
	return n
}

// Run sends changes until ctx is done.
func (h Hubs) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, hub := range h {
		group.Go(func() error { return hub.Run(ctx) })
	}
	return group.Wait()
}

// Standing is what pages say that is in no event of the log.
type Standing struct {
	Sealing func() proof.State
	Serving func(ctx context.Context, runs int) ([]instances.Holding, error)
	// Away returns since when the database is away, and why; the zero time: it is not.
	Away func() (since time.Time, why string)
	// Refused returns since when the configuration file is refused, and why; likewise.
	Refused func() (since time.Time, why string)
}

// Message returns what a hub sends with each beat to pages; see [live.Config.Standing]. Of a
// database that is away it says that, and leaves out what it would be asked for.
func (s Standing) Message() (live.Message, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	standing, err := s.now(ctx)
	if err != nil {
		standing.Instances = pages.Unknown
	}
	var b bytes.Buffer
	err = pages.StandingCells(standing, time.Now()).Render(ctx, &b)
	return live.Message{Data: b.Bytes()}, err
}

// Alarm is what pages must not learn only with the next beat; see [live.Config.Alarm].
func (s Standing) Alarm() string {
	var alarm []string
	for _, trouble := range []func() (time.Time, string){s.Away, s.Refused} {
		since, _ := trouble()
		alarm = append(alarm, since.String())
	}
	return strings.Join(alarm, " ")
}

// now returns what stands even if the database does not answer, but for the instances.
func (s Standing) now(ctx context.Context) (pages.Standing, error) {
	state := s.Sealing()
	standing := pages.Standing{Sealing: cmp.Or(state.Refused, state.Idle), SealedAt: state.SealedAt}
	standing.Away.Since, standing.Away.Why = s.Away()
	standing.File.Since, standing.File.Why = s.Refused()
	live, err := s.Serving(ctx, 0)
	standing.Instances = len(live)
	return standing, err
}

func parts(c projections.Changes, now time.Time) []templ.Component {
	parts := []templ.Component{pages.HeadCell(c.Position), pages.CountCells(c.Counts), pages.LossCells(c.Losses)}
	if many(c) {
		return parts
	}
	for _, r := range c.Runs {
		parts = append(parts, pages.RunCells(r, now))
	}
	for _, s := range c.Scrapers {
		parts = append(parts, pages.ScraperCells(s, now))
	}
	return parts
}

// names are the events that pages about one thing wait for.
func names(c projections.Changes) []live.Message {
	switch {
	case c.State:
		return nil // its position tells a page whether it has missed anything
	case many(c):
		return []live.Message{{Event: "refresh"}}
	}
	var names []live.Message
	for _, r := range c.Runs {
		names = append(names, live.Message{Event: domain.RunStream(r.ID)})
	}
	for _, s := range c.Scrapers {
		names = append(names, live.Message{Event: domain.ScraperStream(s.Name)})
	}
	return names
}

func many(c projections.Changes) bool {
	return c.Many || !c.State && len(c.Runs)+len(c.Scrapers) > maxTold
}

func positionEvent(c projections.Changes) string {
	if c.State {
		return "state"
	}
	return "position"
}
