package webtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/projections"
)

// outages folds the outages of the story, newest first, with the runs lost in each.
func (s *Service) outages() (all []projections.Outage, runs map[uuid.UUID][]projections.Run) {
	s.story.RLock()
	defer s.story.RUnlock()
	p, err := projections.Find("outages")
	if err != nil {
		panic(err)
	}
	m, found := projections.NewModel(p, nil), map[string]projections.Outage{}
	lost := map[int64][]domain.ConnectionLost{} // by the first position of their outage
	first := slices.Index(projections.Columns("outage_losses"), "first")
	tables := m.Tables()
	tables[0].Watch(func(key string, _, after projections.Row) { found[key] = after.Shown(time.Time{}).(projections.Outage) })
	var e domain.Event
	tables[len(tables)-1].Watch(func(_ string, _, after projections.Row) {
		outage := after.Values()[first].(int64)
		lost[outage] = append(lost[outage], e.(domain.ConnectionLost))
	})
	for _, rec := range s.Recorded {
		if e, err = rec.Event(); err != nil || e == nil || !slices.Contains(p.Types(), e.EventType()) {
			continue
		}
		if err := m.Apply(context.Background(), eventstore.Payload{Position: rec.Position, ID: rec.ID}, e); err != nil {
			panic(err)
		}
	}
	runs = map[uuid.UUID][]projections.Run{}
	for _, o := range found {
		for _, loss := range lost[o.FirstPosition] {
			if !slices.Contains(o.Scrapers, loss.Scraper) {
				o.Scrapers = append(o.Scrapers, loss.Scraper)
			}
			for _, r := range s.Rows {
				if r.ID == loss.RunID {
					runs[o.ID] = append(runs[o.ID], r)
				}
			}
		}
		slices.Sort(o.Scrapers)
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b projections.Outage) int { return cmp.Compare(b.FirstPosition, a.FirstPosition) })
	return all, runs
}

// anOutage is the id of an outage of the story; 0 is the newest.
func anOutage(n int) uuid.UUID {
	all, _ := New().outages()
	return all[n].ID
}

func (s *Service) Outages(_ context.Context, f projections.OutageFilter) (page projections.OutagePage, err error) {
	all, _ := s.outages()
	for _, o := range all {
		if (f.Open == nil || *f.Open == o.Open()) && !o.StartedAt.Before(f.Since) && (f.Until.IsZero() || o.StartedAt.Before(f.Until)) {
			page.Outages = append(page.Outages, o)
		}
	}
	return page, s.Err
}

// OutageDays adds some outages to those of the story.
func (s *Service) OutageDays(_ context.Context, since time.Time) (days []projections.OutageDay, err error) {
	if len(s.Recorded) == 0 {
		return nil, s.Err
	}
	all, _ := s.outages()
	for n, minutes := range []int{3, 0, 700, 45, 12, 1} {
		day := ago(time.Duration(300-n*n*11) * 24 * time.Hour)
		if away := time.Duration(minutes) * time.Minute; !day.Before(since) {
			days = append(days, projections.OutageDay{
				Day: day.Format(time.DateOnly), Began: int64(min(minutes, 2)), Away: away, Longest: away, LongestID: all[0].ID, Watchers: int64(n % 2),
			})
		}
	}
	for _, o := range all {
		if day := (projections.OutageDay{Day: o.StartedAt.Format(time.DateOnly), Began: 1}); !o.Open() {
			day.Away, day.LongestID = o.EndedAt.Sub(o.StartedAt.Time), o.ID
			if day.Longest = day.Away; len(days) > 0 && days[len(days)-1].Day == day.Day {
				last := &days[len(days)-1]
				last.Began, last.Away, last.Longest = last.Began+1, last.Away+day.Away, max(last.Longest, day.Longest)
				continue
			}
			days = append(days, day)
		}
	}
	return days, s.Err
}

func (s *Service) Outage(_ context.Context, id uuid.UUID) (projections.Outage, error) {
	all, _ := s.outages()
	for _, o := range all {
		if o.ID == id {
			return o, s.Err
		}
	}
	return projections.Outage{}, fmt.Errorf("outage %s: %w", id, domain.ErrNotFound)
}

func (s *Service) FindOutage(_ context.Context, field, text string) (uuid.UUID, error) {
	all, _ := s.outages()
	newest := func() (found []uuid.UUID, err error) {
		if len(all) > 0 {
			found = []uuid.UUID{all[0].ID}
		}
		return found, nil
	}
	return domain.FindID(field, text, newest, func(part domain.IDPart) (found []uuid.UUID, err error) {
		for _, o := range all {
			if part.Ends(o.ID) {
				found = append(found, o.ID)
			}
		}
		return found, nil
	})
}

func (s *Service) RunsOfOutage(_ context.Context, outage uuid.UUID, limit int) ([]projections.Run, error) {
	_, runs := s.outages()
	return runs[outage][:min(len(runs[outage]), limit)], s.Err
}
