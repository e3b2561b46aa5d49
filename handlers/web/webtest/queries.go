package webtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/projections"
)

// shown is the default number of runs on a page, and named that of the scrapers that a text
// means.
const shown, named = 12, 8

// Runs has one cursor, which shows everything.
func (s *Service) Runs(_ context.Context, f projections.RunFilter) (page projections.RunPage, err error) {
	s.story.RLock()
	defer s.story.RUnlock()
	for _, status := range f.Statuses {
		if !status.Valid() {
			return page, &domain.FieldError{Field: "status", Problem: fmt.Sprintf("%q is not a status", status), Want: "use running"}
		}
	}
	if f.Text != "" {
		for _, named := range s.Named {
			if strings.Contains(named.Name, f.Text) {
				page.Scrapers = append(page.Scrapers, named.Name)
			}
		}
		page.More = len(page.Scrapers) > named
		page.Scrapers = page.Scrapers[:min(len(page.Scrapers), named)]
	}
	for _, r := range s.Rows {
		if f.Text != "" && !slices.Contains(page.Scrapers, r.Scraper) && !strings.HasSuffix(r.ID.String(), f.Text) {
			continue
		}
		if (len(f.Statuses) == 0 || slices.Contains(f.Statuses, r.Status)) && (f.Scraper == "" || f.Scraper == r.Scraper) &&
			(f.Trigger == "" || f.Trigger == r.Trigger) && (!f.Short || r.MinItems > 0) && !r.StartedAt.Before(f.Since) && (f.Until.IsZero() || r.StartedAt.Before(f.Until)) {
			page.Runs = append(page.Runs, r)
		}
	}
	if limit := cmp.Or(f.Limit, shown); f.Cursor == "" && len(page.Runs) > limit {
		page.Runs, page.Next = page.Runs[:limit], "Mg"
	}
	return page, s.Err
}

func (s *Service) Run(_ context.Context, id uuid.UUID) (projections.Run, error) {
	s.story.RLock()
	defer s.story.RUnlock()
	for _, r := range s.Rows {
		if r.ID == id {
			return r, s.Err
		}
	}
	return projections.Run{}, fmt.Errorf("run %s: %w", id, domain.ErrNotFound)
}

func (s *Service) FindRun(_ context.Context, field, text string) (uuid.UUID, error) {
	s.story.RLock()
	defer s.story.RUnlock()
	newest := func() (found []uuid.UUID, err error) {
		if len(s.Rows) > 0 {
			found = []uuid.UUID{s.Rows[0].ID}
		}
		return found, nil
	}
	return domain.FindID(field, text, newest, func(part domain.IDPart) (found []uuid.UUID, err error) {
		for _, r := range s.Rows {
			if strings.Contains(strings.ReplaceAll(r.ID.String(), "-", ""), string(part)) {
				found = append(found, r.ID)
			}
		}
		return found, nil
	})
}

func (s *Service) CountsOf(ctx context.Context, f projections.RunFilter, most int) (projections.Counts, error) {
	f.Cursor, f.Limit, f.Statuses = "", len(s.Rows)+1, nil
	page, err := s.Runs(ctx, f)
	counts := projections.Counts{}
	for _, r := range page.Runs {
		counts[r.Status] = min(counts[r.Status]+1, int64(most)+1)
	}
	return counts, err
}

func (s *Service) Counts(context.Context) (projections.Counts, error) {
	s.story.RLock()
	defer s.story.RUnlock()
	counts := projections.Counts{}
	for _, r := range s.Rows {
		counts[r.Status]++
	}
	return counts, s.Err
}

func (s *Service) EventCounts(_ context.Context, after int64) (map[string]int64, error) {
	s.story.RLock()
	defer s.story.RUnlock()
	counts := map[string]int64{}
	for _, rec := range s.Recorded[after:] {
		counts[rec.Type]++
	}
	return counts, s.Err
}

func (s *Service) ScraperCounts(context.Context) (n projections.ScraperCounts, err error) {
	for _, named := range s.Named {
		n.All++
		if named.Away() {
			n.Lost++
		}
		if named.Paused {
			n.Paused++
		}
	}
	return n, s.Err
}

func (s *Service) Search(ctx context.Context, text string, limit int) (found projections.Found, err error) {
	found.Scrapers, err = s.named(limit, func(s projections.Scraper) bool { return strings.Contains(s.Name, text) })
	if id, err := s.FindRun(ctx, "text", text); err == nil {
		if run, err := s.Run(ctx, id); err == nil {
			found.Runs = append(found.Runs, run)
		}
	}
	return found, err
}

func (s *Service) Losses(ctx context.Context) (l projections.Losses, err error) {
	counts, err := s.ScraperCounts(ctx)
	l.Lost = counts.Lost
	outages, _ := s.outages()
	for _, o := range outages {
		if o.EndedAt.IsZero() {
			l.Outages++
		}
	}
	return l, err
}

func (s *Service) OverdueScrapers(_ context.Context, limit int) ([]projections.Scraper, error) {
	return s.named(limit, func(s projections.Scraper) bool { return !s.OverdueSince.IsZero() })
}

// LaneSlots adds up the runs that ended since.
func (s *Service) LaneSlots(_ context.Context, scrapers []string, since time.Time, size time.Duration) (map[string][]projections.LaneSlot, error) {
	s.story.RLock()
	defer s.story.RUnlock()
	slots := map[string][]projections.LaneSlot{}
	for _, r := range slices.Backward(s.Rows) {
		if !slices.Contains(scrapers, r.Scraper) || r.EndedAt.Before(since) {
			continue
		}
		slot := projections.LaneSlot{Scraper: r.Scraper, Start: r.EndedAt.Truncate(size)}
		switch r.Status {
		case domain.StatusCompleted:
			slot.Completed, slot.Took = 1, r.EndedAt.Sub(r.StartedAt.Time)
			if r.Items != nil {
				slot.Items = *r.Items
			}
		case domain.StatusFailed:
			slot.Failed = 1
		case domain.StatusConnectionFailed:
			if r.Link == domain.LinkWatcher {
				slot.Gone = 1
				break
			}
			slot.Lost = 1
			if !r.RestoredAt.IsZero() {
				slot.Away = r.RestoredAt.Sub(r.EndedAt.Time)
			}
		case domain.StatusCancelled:
			slot.Cancelled = 1
		case domain.StatusRunning:
			continue
		}
		if of := slots[r.Scraper]; len(of) > 0 && of[len(of)-1].Start.Equal(slot.Start) {
			last := &of[len(of)-1]
			last.Completed, last.Failed, last.Lost, last.Cancelled = last.Completed+slot.Completed, last.Failed+slot.Failed, last.Lost+slot.Lost, last.Cancelled+slot.Cancelled
			last.Took, last.Away, last.Items, last.Gone = last.Took+slot.Took, last.Away+slot.Away, last.Items+slot.Items, last.Gone+slot.Gone
			continue
		}
		slots[r.Scraper] = append(slots[r.Scraper], slot)
	}
	return slots, s.Err
}

func (s *Service) LostScrapers(_ context.Context, limit int) ([]projections.Scraper, error) {
	return s.named(limit, projections.Scraper.Lost)
}

func (s *Service) PausedScrapers(_ context.Context, limit int) ([]projections.Scraper, error) {
	return s.named(limit, func(s projections.Scraper) bool { return s.Paused && !s.Removed })
}

func (s *Service) NextScrapers(_ context.Context, limit int) ([]projections.Scraper, error) {
	due, err := s.named(len(s.Named), func(s projections.Scraper) bool { return !s.NextSlot.IsZero() })
	slices.SortStableFunc(due, func(a, b projections.Scraper) int { return a.NextSlot.Compare(b.NextSlot.Time) })
	return due[:min(len(due), limit)], err
}

func (s *Service) ScrapersFrom(_ context.Context, name string, limit int) ([]projections.Scraper, error) {
	return s.named(limit, func(s projections.Scraper) bool { return s.Name >= name })
}

func (s *Service) ScrapersWith(_ context.Context, words, name string, limit int) ([]projections.Scraper, error) {
	return s.named(limit, func(s projections.Scraper) bool {
		for _, word := range strings.Fields(words) {
			if !strings.Contains(s.Name, word) {
				return false
			}
		}
		return s.Name >= name
	})
}

func (s *Service) LastRuns(_ context.Context, scrapers []string, n int) (map[string][]projections.Run, error) {
	s.story.RLock()
	defer s.story.RUnlock()
	last := map[string][]projections.Run{}
	for _, r := range s.Rows {
		if slices.Contains(scrapers, r.Scraper) && len(last[r.Scraper]) < n {
			last[r.Scraper] = append(last[r.Scraper], r)
		}
	}
	return last, s.Err
}

func (s *Service) ScraperNames(_ context.Context, limit int) (names []string, err error) {
	for _, named := range s.Named[:min(len(s.Named), limit)] {
		names = append(names, named.Name)
	}
	return names, s.Err
}

func (s *Service) named(limit int, which func(projections.Scraper) bool) (some []projections.Scraper, err error) {
	for _, named := range s.Named {
		if len(some) < limit && which(named) {
			some = append(some, named)
		}
	}
	return some, s.Err
}

func (s *Service) Scraper(_ context.Context, name string) (projections.Scraper, error) {
	for _, named := range s.Named {
		if named.Name == name {
			return named, s.Err
		}
	}
	return projections.Scraper{}, fmt.Errorf("scraper %q: %w", name, domain.ErrNotFound)
}

func (s *Service) LossesOf(_ context.Context, scraper string, limit int) (losses []projections.Loss, err error) {
	s.story.RLock()
	defer s.story.RUnlock()
	for _, r := range s.Rows {
		if r.Scraper != scraper || r.Status != domain.StatusConnectionFailed || len(losses) == limit {
			continue
		}
		l := projections.Loss{Run: r}
		for _, next := range s.Rows {
			if next.ID == r.RecoveredBy {
				l.RestartedAt = next.StartedAt.Time
			}
		}
		losses = append(losses, l)
	}
	return losses, s.Err
}
