package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/filter"
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
	group := term.RequireSubcommand(&cobra.Command{Use: "runs", Short: "List, show, start, cancel and watch runs"})
	flags := &term.DataFlags{}
	flags.Register(group)
	addServerFlag(group)
	group.AddCommand(newRunsListCmd(flags), newRunsShowCmd(flags), newRunsStartCmd(flags), newRunsCancelCmd(flags), newRunsWatchCmd(flags))
	return group
}

func newRunsListCmd(flags *term.DataFlags) *cobra.Command {
	var asked runFilter
	cmd := &cobra.Command{
		Use:   "list [TERM…]",
		Short: "List runs, newest first",
		Long: `List runs, newest first

TERM is what the page of runs reads too:
scraper:NAME, status:failed,cancelled, trigger:manual, since:-1h, until:2026-11-27,
short:true, or a part of a scraper's name or of a run's id.`,
		Example: "  scrapelog runs list --status connection_failed --since yesterday -o csv\n  scrapelog runs list status:failed since:today\n  scrapelog runs list shop --limit 0",
		RunE: flags.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
			return listRuns(ctx, c, out, asked, args)
		})),
	}
	f := cmd.Flags()
	f.StringSliceVar(&asked.statuses, "status", nil, "only these statuses: running, completed, failed, connection_failed, cancelled")
	f.StringVar(&asked.scraper, "scraper", "", "only this scraper's")
	f.StringVar(&asked.trigger, "trigger", "", "only these: schedule, manual or recovery")
	f.BoolVar(&asked.short, "short", false, "only those that completed with fewer items than expected")
	f.StringVar(&asked.since, "since", "", "started at or after: "+term.WhenHelp)
	f.StringVar(&asked.until, "until", "", "started before: "+term.WhenHelp)
	f.IntVar(&asked.limit, "limit", 50, "at most this many; 0: all")
	completeFlag(cmd, "status", statuses)
	completeFlag(cmd, "scraper", scraperNames)
	completeFlag(cmd, "trigger", triggers)
	return cmd
}

type runFilter struct {
	statuses         []string
	short            bool
	scraper, trigger string
	since, until     string
	text             string
	limit            int
}

// add adds terms as the page of runs reads them.
func (f *runFilter) add(terms []string) error {
	said := filter.ParseRuns(strings.Join(terms, " "), time.Now())
	if err := said.Err(); err != nil {
		return term.Usagef("runs list: %v", err)
	}
	for _, t := range said.Terms {
		into := map[string]*string{"scraper": &f.scraper, "trigger": &f.trigger, "since": &f.since, "until": &f.until}[t.Key]
		switch {
		case t.Key == "status":
			f.statuses = append(f.statuses, strings.ToLower(t.Value))
		case t.Key == "short":
			f.short = true
		case t.Key == "":
			f.text = said.Filter.Text
		case *into != "" && *into != t.Value:
			return term.Usagef("runs list: %s is given twice, as a term and as --%s", t.Key, t.Key)
		default:
			*into = t.Value
		}
	}
	return nil
}

// maxPage is the largest page of a list that the server returns.
const maxPage = 500

func listRuns(ctx context.Context, c *client, out *term.Printer, asked runFilter, terms []string) error {
	if err := asked.add(terms); err != nil {
		return err
	}
	query, err := asked.query(ctx, c)
	if err != nil {
		return err
	}
	list := listRunsIn(out)
	err = listed(ctx, c, out, "runs", query, asked.limit, func(r runDoc) error { return list.Add(r, r.view.cells(list.Printer)...) })
	if err != nil {
		return err
	}
	return list.Close()
}

// listed hands each item of a list of the API to add, up to a limit; 0: all. name is that
// of the list's path and key.
func listed[T any](ctx context.Context, c *client, out *term.Printer, name string, query url.Values, limit int, add func(T) error) error {
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
			fmt.Fprintln(out.Notes, "more scrapers have this in their names than were searched; give more of the name")
		}
		left -= len(items)
		if next == "" || limit > 0 && left <= 0 {
			return nil
		}
		query.Set("cursor", next)
	}
}

func (f runFilter) query(ctx context.Context, c *client) (url.Values, error) {
	query, err := c.span(ctx, f.since, f.until)
	if err != nil {
		return nil, err
	}
	for _, status := range f.statuses {
		query.Add("status", status)
	}
	setUnlessEmpty(query, "scraper", f.scraper)
	setUnlessEmpty(query, "trigger", f.trigger)
	setUnlessEmpty(query, "text", f.text)
	if f.short {
		query.Set("short", "true")
	}
	return query, nil
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

func listRunsIn(out *term.Printer) *term.Listing {
	return out.List("ID", "SCRAPER", "STATUS", "~TRIGGER", "STARTED", "DURATION", "~ITEMS", "CAUSE")
}

func (r runView) cells(out *term.Printer) []string {
	return []string{
		out.ID(r.ID), r.Scraper, string(r.Status), string(r.Trigger), out.Stamp(r.StartedAt.Time), r.duration(), r.items(), r.why(),
	}
}

func (r runView) duration() string {
	if r.DurationMS == nil {
		return ""
	}
	return (time.Duration(*r.DurationMS) * time.Millisecond).String()
}

// why returns the cause of a loss or the code of a failure.
func (r runView) why() string { return string(r.Cause) + string(r.Code) }

// items returns how many items a run brought, and how many were expected, if those are
// more.
func (r runView) items() string {
	switch {
	case r.Items == nil:
		return ""
	case r.MinItems > 0:
		return fmt.Sprintf("%d of %d", *r.Items, r.MinItems)
	}
	return strconv.FormatInt(*r.Items, 10)
}

// idHelp describes the id of a run that a command accepts.
const idHelp = "ID is its id or any part of it of 6 digits or\nmore, such as the last 8, which the pages show; latest is the newest one."

// latest stands for the id of the newest run or outage.
const latest = "latest"

// newest returns the id of the newest item of a list of the API.
func (c *client) newest(ctx context.Context, name string) (string, error) {
	var answer map[string]json.RawMessage
	if err := c.get(ctx, "/api/v1/"+name, url.Values{"limit": {"1"}}, &answer); err != nil {
		return "", err
	}
	var items []struct{ ID string }
	if err := json.Unmarshal(answer[name], &items); err != nil || len(items) == 0 {
		return "", fmt.Errorf("%s: there is none yet: %w", latest, domain.ErrNotFound)
	}
	return items[0].ID, nil
}

func newRunsShowCmd(flags *term.DataFlags) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", ValidArgsFunction: runIDs,
		Example: "  scrapelog runs show latest\n  scrapelog runs show 1f0c9e2a --jq .cause",
		Short:   "Show one run",
		Long:    "show prints everything about a run. " + idHelp,
		Args:    term.Exactly("ID"),
		RunE: flags.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
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

// story asks for what the summary of a lost run needs beside the run: its events, the
// run that recovered it, and whether a newer one superseded it.
func (c *client) story(ctx context.Context, r runView) (s words.Story, err error) {
	s.Run = r.Run
	if r.Status != domain.StatusConnectionFailed {
		return s, nil
	}
	var stream struct {
		Events []eventstore.Recorded `json:"events"`
	}
	query := url.Values{"stream": {domain.RunStream(r.ID)}}
	if err := c.get(ctx, "/api/v1/events", query, &stream); err != nil {
		return s, err
	}
	if s.Run, err = projections.RunAsOf(stream.Events); err != nil {
		return s, err
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

func (c *client) run(ctx context.Context, id string) (r runDoc, err error) {
	if id == latest {
		if id, err = c.newest(ctx, "runs"); err != nil {
			return runDoc{}, err
		}
	}
	if _, err := domain.ParseIDPart("ID", id); err != nil {
		return runDoc{}, err
	}
	err = c.get(ctx, "/api/v1/runs/"+url.PathEscape(id), nil, &r)
	return r, err
}

func showRun(out *term.Printer, r runDoc, more ...[2]string) error {
	facts, err := factsOf(r.raw)
	if err != nil {
		return err
	}
	return out.Facts(r, slices.Concat(facts, more, explained(r.view.why()))...)
}

func newRunsCancelCmd(flags *term.DataFlags) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "cancel ID", ValidArgsFunction: runIDs,
		Example: "  scrapelog runs cancel latest --reason 'wrong parameters'",
		Short:   "End a run",
		Long:    "cancel ends a run. " + idHelp,
		Args:    term.Exactly("ID"),
		RunE: flags.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
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
