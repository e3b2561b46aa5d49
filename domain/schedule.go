package domain

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/netresearch/go-cron"
)

// Schedule says when a scraper's slots are. The zero value has none: such a
// scraper runs by hand only.
type Schedule struct {
	every time.Duration // @every
	cron  cron.Schedule // everything else
	zone  *time.Location
	fixed bool // the hour is named, so a wall clock time that comes twice is one slot
}

var cronParser = cron.MustNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

const wantSchedule = `use five cron fields such as "*/15 * * * *", @hourly, @daily or @every 90s`

// ParseSchedule reads a 5-field cron line, a descriptor (@hourly …) or
// "@every <duration>", to be read in the named time zone. An empty spec is no
// schedule. What never fires is an error, and so is a cron line that restricts
// both day of month and day of week: crons disagree on what it means.
func ParseSchedule(spec, zone string) (Schedule, error) {
	loc, err := loadZone(zone)
	if err != nil {
		return Schedule{}, err
	}
	spec = strings.TrimSpace(spec)
	if spec == "" {
		return Schedule{zone: loc}, nil
	}
	if interval, ok := strings.CutPrefix(spec, "@every "); ok {
		return parseEvery(spec, strings.TrimSpace(interval), loc)
	}
	return parseCron(spec, loc)
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

func parseCron(spec string, loc *time.Location) (Schedule, error) {
	if strings.Contains(spec, "TZ=") {
		return Schedule{}, &FieldError{"schedule", fmt.Sprintf("%q names a time zone", spec), "set time_zone instead"}
	}
	fields := strings.Fields(spec)
	descriptor := strings.HasPrefix(spec, "@")
	if !descriptor && len(fields) != 5 {
		return Schedule{}, &FieldError{"schedule", fmt.Sprintf("%q has %d fields", spec, len(fields)), wantSchedule}
	}
	if !descriptor && restricts(fields[2]) && restricts(fields[4]) {
		return Schedule{}, &FieldError{"schedule",
			fmt.Sprintf("%q restricts both day of month and day of week, which crons read differently", spec), "leave one of them *"}
	}
	parsed, err := cronParser.Parse(spec)
	if err != nil {
		return Schedule{}, &FieldError{"schedule", fmt.Sprintf("%q cannot be read (%v)", spec, err), wantSchedule}
	}
	s := Schedule{cron: parsed, zone: loc, fixed: descriptor && spec != "@hourly" || !descriptor && restricts(fields[1])}
	if s.Next(time.Time{}, time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Schedule{}, &FieldError{"schedule", fmt.Sprintf("%q never fires", spec), "name a day that exists"}
	}
	return s, nil
}

func restricts(field string) bool { return !strings.HasPrefix(field, "*") && field != "?" }

// None says whether there are no slots at all.
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

// repeated says whether the clocks were set back so lately that t's wall clock
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
	if err != nil || !s.Configured() {
		return time.Time{}
	}
	return schedule.Next(s.ConfiguredAt, later(later(s.ConfiguredAt, s.LastDue), after))
}

// Jittered is when the run of a slot starts: the slot plus a part of the jitter
// that follows from scraper and slot, so that every instance finds the same.
func (c ScraperConfig) Jittered(due time.Time) time.Time {
	if c.Jitter <= 0 {
		return due
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%s@%d", c.Name, due.UnixNano())
	return due.Add(time.Duration(h.Sum64() % uint64(c.Jitter)))
}
