package domain

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/netresearch/go-cron"
)

// Schedule is the times of a scraper's slots. The zero value has none: such a
// scraper runs only by hand.
type Schedule struct {
	every time.Duration // @every
	cron  cron.Schedule // everything else
	zone  *time.Location
	fixed bool // the hour is named, so a wall clock time that comes twice is one slot
}

// ParseSchedule reads a 5-field cron line, a descriptor (@hourly …) or
// "@every <duration>", in the named time zone. An empty spec is no schedule. A
// cron line that never fires is an error, and so is one that restricts both day
// of month and day of week: crons disagree on what it means.
func ParseSchedule(spec, zone string) (Schedule, error) {
	loc, err := loadZone(zone)
	if err != nil {
		return Schedule{}, err
	}
	spec = strings.TrimSpace(spec)
	if spec == "" {
		return Schedule{zone: loc}, nil
	}
	if interval, ok := EveryInterval(spec); ok {
		return parseEvery(spec, interval, loc)
	}
	return parseCron(spec, loc)
}

// EveryInterval returns the interval of "@every 90s", which may be written
// "every 90s" too, as it stands there.
func EveryInterval(spec string) (interval string, ok bool) {
	word, interval, ok := strings.Cut(strings.TrimSpace(spec), " ")
	return strings.TrimSpace(interval), ok && (word == "@every" || word == "every")
}

func loadZone(zone string) (*time.Location, error) {
	if zone == "" {
		return time.UTC, nil
	}
	loc, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return nil, &FieldError{"time_zone", fmt.Sprintf("%q is not a time zone", zone), "use an IANA name such as Europe/Berlin or UTC"}
	}
	return loc, nil
}

func parseEvery(spec, interval string, loc *time.Location) (Schedule, error) {
	every, err := time.ParseDuration(interval)
	if err != nil {
		return Schedule{}, &FieldError{"schedule", fmt.Sprintf("%q has no duration", spec), "use @every 90s, @every 15m or @every 2h"}
	}
	if every < time.Second || every > 366*24*time.Hour {
		return Schedule{}, &FieldError{"schedule", fmt.Sprintf("%q is out of range", spec), "use an interval of 1s to a year"}
	}
	return Schedule{every: every, zone: loc}, nil
}

// None reports whether the schedule has no slots.
func (s Schedule) None() bool { return s.cron == nil && s.every == 0 }

// Next is the first slot after the given instant, or zero when there is none.
// The slots of @every are anchor + n × interval, so that restarts do not move
// them; cron ignores the anchor.
//
// A wall clock time that a change of the clocks skips or repeats is one slot: a
// skipped one fires as much later as the clocks jumped, and of a repeated one the
// first counts. As in cron(8), lines whose hour begins with * follow real time.
func (s Schedule) Next(anchor, after time.Time) time.Time {
	switch {
	case s.None():
		return time.Time{}
	case s.every > 0:
		if after.Before(anchor) {
			return anchor.Add(s.every).UTC()
		}
		return anchor.Add((after.Sub(anchor)/s.every + 1) * s.every).UTC()
	}
	next := s.cron.Next(after.In(s.zone))
	for s.fixed && !next.IsZero() && repeated(next) {
		next = s.cron.Next(next)
	}
	if next.IsZero() {
		return time.Time{}
	}
	return next.UTC()
}

// repeated reports whether the clocks were set back so lately that t's wall clock
// time has been before.
func repeated(t time.Time) bool {
	changed, _ := t.ZoneBounds()
	if changed.IsZero() {
		return false
	}
	_, before := changed.Add(-time.Second).Zone()
	_, now := t.Zone()
	return t.Before(changed.Add(time.Duration(before-now) * time.Second))
}

// NextSlot is the first slot of the scraper after the given instant and after
// every slot that was claimed already. Zero: there is none.
func (s Scraper) NextSlot(after time.Time) time.Time {
	schedule, err := ParseSchedule(s.Config.Schedule, s.Config.TimeZone)
	if err != nil {
		return time.Time{}
	}
	return s.SlotOf(schedule, after)
}

// SlotOf is NextSlot with the scraper's schedule, which takes far longer to parse.
func (s Scraper) SlotOf(schedule Schedule, after time.Time) time.Time {
	if !s.Configured() {
		return time.Time{}
	}
	return schedule.Next(s.ConfiguredAt, later(later(s.ConfiguredAt, s.LastDue), after))
}

// Jittered returns the start of a slot's run: the slot plus a part of the jitter that
// follows from scraper and slot, so that every instance computes the same time.
func (c ScraperConfig) Jittered(due time.Time) time.Time {
	if c.Jitter <= 0 {
		return due
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%s@%d", c.Name, due.UnixNano())
	return due.Add(time.Duration(h.Sum64() % uint64(c.Jitter)))
}
