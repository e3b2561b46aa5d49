package projections

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/projections/projectionstest"
)

// at, lost and so on of the shop are in main_test.go; these are of any scraper.

func configuredAt(scraper, url string, seconds float64) domain.Event {
	e := configured(seconds)
	e.Scraper, e.Config.Name, e.Config.URL = scraper, scraper, url
	return e
}

func runOf(scraper string) uuid.UUID { return uuid.NewSHA1(uuid.Nil, []byte(scraper)) }

func startedOf(scraper string, seconds float64) domain.RunStarted {
	e := started(runOf(scraper), seconds)
	e.Scraper = scraper
	return e
}

func lostOf(scraper string, seconds float64) domain.ConnectionLost {
	e := lost(runOf(scraper), seconds)
	e.Scraper = scraper
	return e
}

func restoredOf(scraper string, seconds float64) domain.ConnectionRestored {
	e := restored(runOf(scraper), seconds)
	e.Scraper = scraper
	return e
}

func recoveryOf(scraper string, seconds float64) domain.RunStarted {
	e := recovers(runOf(scraper+" again"), runOf(scraper), seconds)
	e.Scraper = scraper
	return e
}

// night is an outage of two scrapers at one origin, beside one elsewhere.
func night() []domain.Event {
	return []domain.Event{
		configuredAt("a", "http://h:1/a", 0), configuredAt("b", "http://h:1/b", 0), configuredAt("c", "http://h:2/c", 0), // 1 to 3
		startedOf("b", 1), startedOf("a", 1), startedOf("c", 1), // 4 to 6
		lostOf("b", 2), lostOf("a", 3), lostOf("c", 4), // 7 to 9
		restoredOf("a", 5), recoveryOf("a", 5), // 10, 11
		restoredOf("b", 7), recoveryOf("b", 7), // 12, 13
	}
}

func TestAnOutageOfTwoScrapers(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(night()[:9]...)
		open := log.outagesOf(OutageFilter{Origin: "http://H:1/"})
		if len(open) != 1 || !open[0].Open() || open[0].LastPosition != 8 || open[0].DurationMS != nil {
			t.Errorf("while it is open: %+v", open)
		}
		log.Given(night()[9:]...)
		outages := log.outagesOf(OutageFilter{})
		if len(outages) != 2 || outages[0].Origin != "http://h:2" {
			t.Fatalf("not the newest first: %+v", outages)
		}
		first, err := log.ByPosition(t.Context(), 7)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(outages[1])
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf(`{"id":%q,"origin":"http://h:1","started_at":"2026-11-23T12:00:02.000000Z",`+
			`"ended_at":"2026-11-23T12:00:07.000000Z","duration_ms":5000,"cause":"reset","scrapers":["a","b"],`+
			`"runs_lost":2,"runs_recovered":2,"first_position":7,"last_position":12}`, first.ID)
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Error(diff)
		}
		runs, err := log.RunsOfOutage(t.Context(), first.ID, 5)
		if err != nil || len(runs) != 2 || runs[0].Scraper != "b" || runs[1].Scraper != "a" || runs[1].RecoveredBy != runOf("a again") {
			t.Errorf("its runs: %+v, %v", runs, err)
		}
	})
}

func (l *testLog) outagesOf(f OutageFilter) []Outage {
	l.Helper()
	page, err := l.Outages(l.Context(), f)
	if err != nil {
		l.Fatal(err)
	}
	return page.Outages
}

func TestEdgesOfOutages(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		var told []string
		after := int64(0)
		tell := func() {
			edges, reached, err := log.OutageEdges(t.Context(), after)
			if err != nil || reached < after {
				t.Fatalf("reached %d after %d: %v", reached, after, err)
			}
			after = reached
			for _, e := range edges {
				told = append(told, fmt.Sprintf("%d %s %t %d", e.Position, e.Outage.Origin, e.Ended, e.Outage.RunsLost))
			}
		}
		for _, e := range night() {
			log.Given(e)
			tell()
		}
		want := []string{"7 http://h:1 false 1", "9 http://h:2 false 1", "12 http://h:1 true 2"}
		if !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
		// All at once: as much as event by event. What is not projected yet is not told.
		told, after = nil, 0
		log.SetOffset("outages", 10)
		tell()
		log.SetOffset("outages", 13)
		tell()
		log.rebuildAll()
		tell()
		if want[0] = "7 http://h:1 false 2"; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

// reference follows from the log, by counting, which outages there were.
type reference struct {
	origin map[string]string
	lost   map[string]uuid.UUID
	open   map[string]*Outage
	all    []*Outage
}

func (r *reference) down(origin string) (n int) {
	for scraper, run := range r.lost {
		if run != uuid.Nil && r.origin[scraper] == origin {
			n++
		}
	}
	return n
}

func (r *reference) add(position int64, e domain.Event) {
	name := e.ScraperName()
	switch e := e.(type) {
	case domain.ScraperConfigured:
		r.origin[name] = domain.OriginOf(e.Config.URL)
	case domain.ScraperRemoved:
		delete(r.origin, name)
	case domain.RunStarted:
		delete(r.lost, name)
	case domain.ConnectionRestored:
		if r.lost[name] == e.RunID {
			delete(r.lost, name)
		}
	case domain.ConnectionLost:
		if !e.OfScraper() {
			break
		}
		r.lost[name] = e.RunID
		origin := r.origin[name]
		if origin == "" {
			break
		}
		o := r.open[origin]
		if o == nil {
			o = &Outage{Origin: origin, StartedAt: Time{e.At}, Cause: e.Cause, FirstPosition: position}
			r.open[origin], r.all = o, append(r.all, o)
		}
		o.RunsLost++
		if !slices.Contains(o.Scrapers, name) {
			o.Scrapers = append(o.Scrapers, name)
		}
	}
	for origin, o := range r.open {
		if r.down(origin) == 0 {
			o.EndedAt, o.LastPosition = Time{e.OccurredAt()}, position
			delete(r.open, origin)
		}
	}
}

func TestOutagesAreThoseOfTheLog(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		tale := projectionstest.NewStory(t)
		events := tale.Events(400)
		log.Given(events...)
		r := reference{origin: map[string]string{}, lost: map[string]uuid.UUID{}, open: map[string]*Outage{}}
		for i, e := range events {
			r.add(int64(i+1), e)
		}
		got, want := []string{}, []string{}
		text := func(o Outage) string {
			last := int64(0)
			if !o.Open() {
				last = o.LastPosition
			}
			slices.Sort(o.Scrapers)
			return fmt.Sprintf("%s from %d %s to %d %s by %s: %d of %s", o.Origin, o.FirstPosition, o.StartedAt.Truncate(time.Microsecond),
				last, o.EndedAt.Truncate(time.Microsecond), o.Cause, o.RunsLost, strings.Join(o.Scrapers, " "))
		}
		for _, o := range r.all {
			want = append(want, text(*o))
		}
		for _, o := range log.outagesOf(OutageFilter{Limit: MaxLimit}) {
			got = append(got, text(o))
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		t.Logf("%d outages", len(got))
		days, err := log.OutageDays(t.Context(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range days {
			days[i].LongestID = uuid.Nil
		}
		if diff := cmp.Diff(daysOf(r.all, events), days); diff != "" {
			t.Error(diff)
		}
	})
}

// daysOf counts, minute by minute, what the days had of outages.
func daysOf(outages []*Outage, events []domain.Event) (days []OutageDay) {
	of := map[string]*OutageDay{}
	day := func(t time.Time) *OutageDay {
		name := t.UTC().Format("2006-01-02")
		if of[name] == nil {
			of[name] = &OutageDay{Day: name}
		}
		return of[name]
	}
	for _, o := range outages {
		from, to := o.StartedAt.Truncate(time.Microsecond), o.EndedAt.Truncate(time.Microsecond)
		day(from).Began++
		if o.Open() {
			continue
		}
		day(from).longest(to.Sub(from))
		for at := from; at.Before(to); {
			next := at.Truncate(24 * time.Hour).Add(24 * time.Hour)
			if next.After(to) {
				next = to
			}
			day(at).Away += next.Sub(at)
			day(at).longest(to.Sub(from))
			at = next
		}
	}
	for _, e := range events {
		if lost, ok := e.(domain.ConnectionLost); ok && lost.Link == domain.LinkWatcher {
			day(lost.At).Watchers++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		days = append(days, *of[name])
	}
	return days
}

func (d *OutageDay) longest(took time.Duration) { d.Longest = max(d.Longest, took) }

// An outage that lasts past midnight is divided among its days.
func TestAnOutageOfThreeDays(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(configuredAt("a", "http://h:1/a", 0), startedOf("a", 1), lostOf("a", 0), restoredOf("a", 2*24*3600))
		log.Given(lost(runA, 3*24*3600)) // of no origin: the shop was never configured
		gone := lost(runA, 3*24*3600)
		gone.Link, gone.Cause = domain.LinkWatcher, domain.CauseWatcherGone
		log.Given(gone)
		days, err := log.OutageDays(t.Context(), at(0))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range days {
			got = append(got, fmt.Sprintf("%s %d %s %s %t %d", d.Day, d.Began, d.Away, d.Longest, d.LongestID != uuid.Nil, d.Watchers))
		}
		want := []string{"2026-11-23 1 12h0m0s 48h0m0s true 0", "2026-11-24 0 24h0m0s 48h0m0s true 0", "2026-11-25 0 12h0m0s 48h0m0s true 0", "2026-11-26 0 0s 0s false 1"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		once := log.Dump()
		records, err := log.Read(t.Context(), eventstore.Query{})
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Apply(t.Context(), outageProjection, records...); err != nil {
			t.Fatal(err)
		}
		same(t, "applied twice", log.Dump(), once)
		if later, err := log.OutageDays(t.Context(), at(24*3600)); err != nil || len(later) != 3 {
			t.Errorf("since the second day: %+v, %v", later, err)
		}
	})
}
