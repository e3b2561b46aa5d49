package schedule

import (
	"time"

	"scrapelog/domain"
)

// entry is a scraper and its next slot.
type entry struct {
	scraper domain.Scraper
	slot    time.Time // zero: none
	late    time.Time // the slot that could not be started, once that was logged

	deadline   time.Time // when the scraper is overdue; zero: never, or reported
	unreported bool      // the report failed, and that was logged
}

// become stores a scraper's new state and computes its next slot and its deadline if
// they may have changed.
func (e *entry) become(s domain.Scraper, now time.Time) (moved bool) {
	counts := s.Expects() != e.scraper.Expects() || s.Expects() && s.Expect != e.scraper.Expect
	moved = s.LastDue != e.scraper.LastDue || s.ConfiguredAt != e.scraper.ConfiguredAt || s.Removed != e.scraper.Removed
	e.scraper = s
	if moved {
		e.slot, e.late = s.NextSlot(time.Time{}), time.Time{}
	}
	if counts {
		e.deadline, e.unreported = deadline(s.Guard, now), false
	}
	return moved || counts
}

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
	for slot := e.slot; !slot.IsZero() && !e.scraper.Config.Jittered(slot).After(now); slot = e.scraper.NextSlot(slot) {
		if e.scraper.Config.Jittered(slot).Before(began) && e.scraper.Config.CatchUp == domain.CatchUpNone {
			e.slot = e.scraper.NextSlot(slot)
			continue
		}
		last = slot
	}
	return last
}
