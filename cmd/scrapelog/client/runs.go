package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/words"
	"scrapelog/projections"
)

// runView is a run as a server answers it. The watcher of an attached run is in the
// answer to the request that starts it.
type runView struct {
	projections.Run
	Watcher string `json:"watcher"`
}

type runDoc = fetched[runView]

// Runs returns "scrapelog runs".
func Runs() *cobra.Command {
	return serverGroup(&cobra.Command{Use: "runs", Short: "List, show, start, cancel and watch runs"},
		newRunsListCmd(), newRunsShowCmd(), newRunsStartCmd(), newRunsCancelCmd(), newRunsWatchCmd())
}

// maxPage is the largest page of a list that the server returns.
const maxPage = 500

// listed hands each item of a list of the API to add, up to a limit; 0: all. name is that
// of the list's path and key.
func listed[T any](ctx context.Context, c *client, name string, query url.Values, limit int, add func(T) error) error {
	if limit < 0 {
		return term.Usagef("--limit: %d is negative; use 0 for all", limit)
	}
	for left := limit; ; {
		page := maxPage
		if limit > 0 {
			page = min(left, maxPage)
		}
		query.Set("limit", strconv.Itoa(page))
		var answer map[string]json.RawMessage
		if err := c.get(ctx, "/api/v1/"+name, query, &answer); err != nil {
			return err
		}
		items, next := []T(nil), ""
		err := json.Unmarshal(answer[name], &items)
		if raw, more := answer["next"]; more && err == nil {
			err = json.Unmarshal(raw, &next)
		}
		if err != nil {
			return term.Failf(term.ErrUnreachable, "%s did not answer as scrapelog does: %v", c.shown, err)
		}
		for _, item := range items {
			if err := add(item); err != nil {
				return err
			}
		}
		if _, more := answer["more"]; more && query.Get("cursor") == "" {
			fmt.Fprintln(c.notes, "more scrapers have this in their names than were searched; give more of the name")
		}
		left -= len(items)
		if next == "" || limit > 0 && left <= 0 {
			return nil
		}
		query.Set("cursor", next)
	}
}

// span returns the parameters since and until, from the flags of those names.
func (c *client) span(ctx context.Context, since, until string) (url.Values, error) {
	query := url.Values{}
	for flag, text := range map[string]string{"since": since, "until": until} {
		at, err := c.instant(ctx, flag, text)
		if err != nil {
			return nil, err
		}
		if !at.IsZero() {
			query.Set(flag, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return query, nil
}

// instant parses a time; for a position it asks when its event was recorded.
func (c *client) instant(ctx context.Context, flag, text string) (time.Time, error) {
	w, err := term.ParseWhen(flag, text, time.Now())
	if err != nil || w.Position == 0 {
		return w.Time, err
	}
	var event struct {
		RecordedAt time.Time `json:"recorded_at"`
	}
	err = c.get(ctx, "/api/v1/events/"+strconv.FormatInt(w.Position, 10), nil, &event)
	return event.RecordedAt, err
}

func setUnlessEmpty(query url.Values, key, value string) {
	if value != "" {
		query.Set(key, value)
	}
}

// idHelp describes the id of a run that a command accepts.
const idHelp = "ID is its id or any part of it of 6 digits or\nmore, such as the last 8, which the pages show; latest is the newest one."

// named asks for the item of a list of the API that an id, a part of one or latest names.
func (c *client) named(ctx context.Context, list, id string, into any) error {
	if err := domain.CheckID("ID", id); err != nil {
		return err
	}
	return c.get(ctx, "/api/v1/"+list+"/"+url.PathEscape(id), nil, into)
}

func newRunsShowCmd() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", ValidArgsFunction: runIDs,
		Example: "  scrapelog runs show latest\n  scrapelog runs show 1f0c9e2a --jq .cause",
		Short:   "Show one run",
		Long:    "show prints everything about a run. " + idHelp,
		Args:    term.Exactly("ID"),
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
			r, err := c.run(ctx, args[0])
			if err != nil {
				return err
			}
			story, err := c.story(ctx, r.view)
			if err != nil {
				return err
			}
			return showRun(out, r, [2]string{"summary", strings.ReplaceAll(story.Summary(time.Now()), words.Unit, " ")})
		})),
	}
}

// nameOf returns the name of a user for who may see it, else the actor.
func (c *client) nameOf(ctx context.Context, actor string) string {
	id, ok := strings.CutPrefix(actor, "user:")
	if _, err := uuid.Parse(id); !ok || err != nil {
		return actor
	}
	var user struct{ Name string }
	if err := c.get(ctx, "/api/v1/users/"+url.PathEscape(id), nil, &user); err != nil {
		return actor
	}
	return cmp.Or(user.Name, actor)
}

// story asks for what the summary of a run needs beside the run: of a cancelled one who
// did it; of a lost one its events, the run that recovered it, and whether a newer one
// superseded it.
func (c *client) story(ctx context.Context, r runView) (s words.Story, err error) {
	s.Run = r.Run
	if r.Status != domain.StatusConnectionFailed && r.Status != domain.StatusCancelled {
		return s, nil
	}
	events, err := c.eventsOf(ctx, r.ID)
	if err != nil {
		return s, err
	}
	if s.Run, err = projections.RunAsOf(events); err != nil {
		return s, err
	}
	if r.Status == domain.StatusCancelled {
		s.CancelledBy = c.nameOf(ctx, s.CancelledBy)
		return s, nil
	}
	if r.RecoveredBy != uuid.Nil {
		err = c.get(ctx, "/api/v1/runs/"+r.RecoveredBy.String(), nil, &s.Next)
		return s, err
	}
	var scraper projections.Scraper
	err = c.get(ctx, "/api/v1/scrapers/"+url.PathEscape(r.Scraper), nil, &scraper)
	s.Standing = scraper.LastRun.ID == r.ID
	if errors.Is(err, domain.ErrNotFound) {
		err = nil // it was removed
	}
	return s, err
}

// eventsOf asks for the events of a run.
func (c *client) eventsOf(ctx context.Context, run uuid.UUID) ([]eventstore.Recorded, error) {
	var stream struct {
		Events []eventstore.Recorded `json:"events"`
	}
	err := c.get(ctx, "/api/v1/events", url.Values{"stream": {domain.RunStream(run)}}, &stream)
	return stream.Events, err
}

func (c *client) run(ctx context.Context, id string) (r runDoc, err error) {
	err = c.named(ctx, "runs", id, &r)
	return r, err
}

func showRun(out *term.Printer, r runDoc, more ...[2]string) error {
	return showFields(out, r, append(more, explained(r.view.why())...)...)
}

func newRunsCancelCmd() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "cancel ID", ValidArgsFunction: runIDs,
		Example: "  scrapelog runs cancel latest --reason 'wrong parameters'",
		Short:   "End a run",
		Long:    "cancel ends a run. " + idHelp,
		Args:    term.Exactly("ID"),
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
			found, err := c.run(ctx, args[0])
			if err != nil {
				return err
			}
			var r runDoc
			path := "/api/v1/runs/" + url.PathEscape(found.view.ID.String()) + "/cancel"
			if err := c.post(ctx, path, map[string]string{"reason": reason}, &r); err != nil {
				return err
			}
			return showRun(out, r)
		})),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the log")
	return cmd
}

// startRequest is the body of a start.
type startRequest struct {
	Attach string          `json:"attach,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
}

func (c *client) start(ctx context.Context, scraper string, body startRequest) (r runDoc, err error) {
	err = c.post(ctx, "/api/v1/scrapers/"+url.PathEscape(scraper)+"/runs", body, &r)
	return r, err
}
