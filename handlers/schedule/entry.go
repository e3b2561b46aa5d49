package schedule

import (
	"time"

	"scrapelog/domain"
)

// entry is a scraper and its next slot.
type entry struct {
	scraper domain.Scraper
	times   domain.Schedule // of its configuration
	slot    time.Time       // zero: none
	late    time.Time       // the slot that could not be started, once that was logged

	deadline   time.Time // when the scraper is overdue; zero: never, or reported
	unreported bool      // the report failed, and that was logged
}

// become stores a scraper's new state and computes its next slot and its deadline if
// they may have changed.
func (e *entry) become(s domain.Scraper, now time.Time) (moved bool) {
	counts := s.Expects() != e.scraper.Expects() || s.Expects() && s.Expect != e.scraper.Expect
	if was := e.scraper.Config; s.Config.Schedule != was.Schedule || s.Config.TimeZone != was.TimeZone {
		e.times, _ = domain.ParseSchedule(s.Config.Schedule, s.Config.TimeZone) // one that cannot be read has no slots
	}
	moved = s.LastDue != e.scraper.LastDue || s.ConfiguredAt != e.scraper.ConfiguredAt || s.Removed != e.scraper.Removed
	e.scraper = s
	if moved {
		e.slot, e.late = e.next(time.Time{}), time.Time{}
	}
	if counts {
		e.deadline, e.unreported = deadline(s.Guard, now), false
	}
	return moved || counts
}

// next returns the first slot after the given instant.
func (e *entry) next(after time.Time) time.Time { return e.scraper.SlotOf(e.times, after) }

// startsAt is when the next slot starts; zero: there is none, or it is late
// already and tried again at the next poll.
func (e *entry) startsAt() time.Time {
	if e.slot.IsZero() || !e.late.IsZero() {
		return time.Time{}
	}
	return e.scraper.Config.Jittered(e.slot)
}

// due returns the slot to start now: the last one that has come due. Slots missed while
// scrapelog was down count only with catch_up.
func (e *entry) due(now, began time.Time) time.Time {
	var last time.Time
	for slot := e.slot; !slot.IsZero() && !e.scraper.Config.Jittered(slot).After(now); slot = e.next(slot) {
		if e.scraper.Config.Jittered(slot).Before(began) && e.scraper.Config.CatchUp == domain.CatchUpNone {
			e.slot = e.next(slot)
			continue
		}
		last = slot
	}
	return last
}
