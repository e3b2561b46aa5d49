package web

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/web/pages"
)

const (
	// eventsShown is a page of the log.
	eventsShown = 50
	// searchPage is how many events a search for a text reads at once, and
	// maxSearched how many, or maxSearchedBytes, before it answers with what it has.
	searchPage       = 500
	maxSearched      = 20000
	maxSearchedBytes = 16 << 20
)

func (h *Handler) events(c echo.Context) error {
	values := c.QueryParams()
	filter, err := eventFilterOf(values)
	if err != nil {
		return err
	}
	query, err := logQuery(values, filter)
	if err != nil {
		return err
	}
	if query.Stream, err = h.filteredStream(c.Request().Context(), filter); err != nil {
		return err
	}
	refresh := pages.RefreshRows
	if !newest(values) {
		refresh = "" // only the newest end moves
	}
	chrome, err := h.chrome(c, "/events", "Log", refresh)
	if err != nil {
		return err
	}
	list := pages.EventList{Filter: filter, Newest: newest(values)}
	if list.Counts, err = h.eventCounts(c.Request().Context()); err != nil {
		return err
	}
	for _, name := range []string{"after", "upto"} {
		if values.Has(name) {
			list.Place = [2]string{name, values.Get(name)}
		}
	}
	if list.Open, err = positionIn(values, "open", 1); err != nil {
		return err
	}
	if err := h.fill(c.Request().Context(), &list, query); err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.EventListPage(chrome, list))
}

func eventFilterOf(values url.Values) (f pages.EventFilter, err error) {
	f = pages.EventFilter{
		Types: slices.Clone(values["type"]), Stream: strings.TrimSpace(values.Get("stream")), Run: strings.TrimSpace(values.Get("run")),
		Since: values.Get("since"), Until: values.Get("until"), Text: strings.TrimSpace(values.Get("text")),
	}
	slices.Sort(f.Types)
	f.Types = slices.Compact(f.Types) // each counts once in the query and on the page
	for i, t := range f.Types {
		if f.Types[i] = domain.Current(t); !slices.Contains(domain.AllEventTypes, f.Types[i]) {
			return f, invalid("type", t, "use the name of an event, such as run.started")
		}
	}
	if f.Run != "" && f.Stream != "" {
		return f, invalid("stream", f.Stream, "ask for a run or for a stream, not for both")
	}
	return f, nil
}

// filteredStream is the stream that a filter asks for; empty: every one.
func (h *Handler) filteredStream(ctx context.Context, f pages.EventFilter) (string, error) {
	if f.Run == "" {
		return h.streamOf(ctx, "stream", f.Stream)
	}
	run, err := h.cfg.Queries.FindRun(ctx, "run", f.Run)
	return domain.RunStream(run), err
}

// logQuery is the page of the log that a URL asks for: after a position, oldest
// first, or up to one, newest first; by itself the newest.
func logQuery(values url.Values, f pages.EventFilter) (q eventstore.Query, err error) {
	q = eventstore.Query{Types: wireNames(f.Types), Backward: !values.Has("after")}
	if q.Until, err = positionIn(values, "upto", 1); err != nil {
		return q, err
	}
	q.After, err = positionIn(values, "after", 0)
	return q, err
}

func positionIn(values url.Values, field string, least int64) (int64, error) {
	if !values.Has(field) {
		return 0, nil
	}
	position, err := strconv.ParseInt(values.Get(field), 10, 64)
	if err != nil || position < least {
		return 0, invalid(field, values.Get(field), "use a position in the log: 1, 2, 3 …")
	}
	return position, nil
}

func newest(values url.Values) bool { return !values.Has("after") && !values.Has("upto") }

// fill reads the page that q begins. It reads one event more than it shows, to
// know whether there is more.
func (h *Handler) fill(ctx context.Context, list *pages.EventList, q eventstore.Query) (err error) {
	if list.Head, err = h.cfg.Events.Head(ctx); err != nil {
		return err
	}
	list.Forward, list.Oldest = !q.Backward, !q.Backward && q.After == 0
	some, err := h.within(ctx, &q, list.Filter)
	if err != nil || !some {
		list.Oldest = list.Oldest || !some
		return err
	}
	records, more, stopped, err := h.search(ctx, q, list.Filter.Text)
	if err != nil {
		return err
	}
	if q.Backward {
		list.Oldest = !more && stopped == 0
	} else {
		list.Newest = !more && stopped == 0
		slices.Reverse(records)
	}
	if !more {
		list.Stopped = stopped
	}
	list.Events = pages.NewEvents(records, h.nameOf)
	return nil
}

// within narrows q to the filter's times. It reports whether any event can match.
func (h *Handler) within(ctx context.Context, q *eventstore.Query, f pages.EventFilter) (bool, error) {
	since, err := h.instant(ctx, "since", f.Since)
	if err != nil {
		return false, err
	}
	until, err := h.instant(ctx, "until", f.Until)
	if err != nil {
		return false, err
	}
	if !since.IsZero() {
		first, err := h.cfg.Events.FirstSince(ctx, since)
		if err != nil {
			return false, err
		}
		q.After = max(q.After, first-1)
	}
	if until.IsZero() {
		return true, nil
	}
	end, err := h.cfg.Events.FirstSince(ctx, until)
	if q.Until == 0 || q.Until > end-1 {
		q.Until = end - 1
	}
	return q.Until > q.After, err
}

// search reads the first events of q that contain a text, as many as a page shows, and
// says whether there are more. Where it stopped without having read them all, with no
// more found, it says at which position.
func (h *Handler) search(ctx context.Context, q eventstore.Query, text string) (found []eventstore.Recorded, more bool, stopped int64, err error) {
	q.Limit, q.Bytes = eventsShown+1, readBytes
	if text == "" {
		found, err = h.cfg.Events.Read(ctx, q)
		more = !q.Last(found)
		return found[:min(len(found), eventsShown)], more, 0, err
	}
	q.Limit = searchPage
	for read, size, held := 0, 0, 0; ; {
		asked := q
		records, err := h.cfg.Events.Read(ctx, asked)
		if err != nil {
			return nil, false, 0, err
		}
		for _, rec := range records {
			size += rec.Size()
			if contains(rec, text) {
				if len(found) == eventsShown || held >= readBytes {
					return found, true, 0, nil
				}
				found, held = append(found, rec), held+rec.Size()
			}
			if q.Backward {
				q.Until = rec.Position - 1
			} else {
				q.After = rec.Position
			}
		}
		read += len(records)
		switch {
		case asked.Last(records), q.Backward && q.Until == 0:
			return found, false, 0, nil
		case read >= maxSearched, size >= maxSearchedBytes:
			return found, false, records[len(records)-1].Position, nil
		}
	}
}

// contains reports whether an event's recorded fields contain a text, ignoring case.
func contains(rec eventstore.Recorded, text string) bool {
	wanted := strings.ToLower(text)
	if strings.Contains(rec.Stream, wanted) || strings.Contains(rec.Type, wanted) || strings.Contains(rec.ID.String(), wanted) ||
		bytes.Contains(bytes.ToLower(rec.Data), []byte(wanted)) {
		return true
	}
	for _, value := range rec.Metadata {
		if strings.Contains(strings.ToLower(value), wanted) {
			return true
		}
	}
	return false
}
