package domain_test

import (
	"testing"
	"time"

	"scrapelog/domain"
)

const stamp = "2006-01-02 15:04:05 -0700"

// The table of DESIGN's schedule rules: what follows a given instant, in its zone.
// Berlin springs from 02:00 to 03:00 on 2026-03-29 and falls from 03:00 to 02:00 on 2026-10-25.
func TestNextSlots(t *testing.T) {
	for name, c := range map[string]struct {
		spec, zone, after string
		want              []string
	}{
		"a quarter of an hour":           {"*/15 * * * *", "UTC", "2026-03-02 12:01:00 +0000", []string{"2026-03-02 12:15:00 +0000", "2026-03-02 12:30:00 +0000", "2026-03-02 12:45:00 +0000", "2026-03-02 13:00:00 +0000"}},
		"the next slot is after, not at": {"0 12 * * *", "UTC", "2026-03-02 12:00:00 +0000", []string{"2026-03-03 12:00:00 +0000"}},
		"@hourly":                        {"@hourly", "UTC", "2026-03-02 12:00:00 +0000", []string{"2026-03-02 13:00:00 +0000"}},
		"@daily in its zone":             {"@daily", "Europe/Berlin", "2026-03-02 12:00:00 +0000", []string{"2026-03-03 00:00:00 +0100"}},
		"weekdays":                       {"0 9 * * MON-FRI", "UTC", "2026-03-06 09:00:00 +0000", []string{"2026-03-09 09:00:00 +0000"}},
		"a leap day":                     {"0 0 29 2 *", "UTC", "2026-03-01 00:00:00 +0000", []string{"2028-02-29 00:00:00 +0000"}},
		"a skipped hour fires after it":  {"30 2 * * *", "Europe/Berlin", "2026-03-28 02:30:00 +0100", []string{"2026-03-29 03:30:00 +0200", "2026-03-30 02:30:00 +0200"}},
		"a repeated hour fires once":     {"30 2 * * *", "Europe/Berlin", "2026-10-24 02:30:00 +0200", []string{"2026-10-25 02:30:00 +0200", "2026-10-26 02:30:00 +0100"}},
		"every half hour goes on":        {"*/30 * * * *", "Europe/Berlin", "2026-10-25 02:30:00 +0200", []string{"2026-10-25 02:00:00 +0100", "2026-10-25 02:30:00 +0100", "2026-10-25 03:00:00 +0100"}},
		"every half hour over the gap":   {"*/30 * * * *", "Europe/Berlin", "2026-03-29 01:30:00 +0100", []string{"2026-03-29 03:00:00 +0200", "2026-03-29 03:30:00 +0200"}},
		"@every follows its anchor":      {"@every 90s", "UTC", "2026-03-02 12:01:00 +0000", []string{"2026-03-02 12:01:30 +0000", "2026-03-02 12:03:00 +0000"}},
		"@every, long after its anchor":  {"@every 7m", "UTC", "2026-03-02 13:00:00 +0000", []string{"2026-03-02 13:03:00 +0000"}},
		"@every, before its anchor":      {"@every 1h", "UTC", "2026-03-02 11:00:00 +0000", []string{"2026-03-02 13:00:00 +0000"}},
	} {
		t.Run(name, func(t *testing.T) {
			schedule, err := domain.ParseSchedule(c.spec, c.zone)
			if err != nil {
				t.Fatal(err)
			}
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			slot, err := time.Parse(stamp, c.after)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				slot = schedule.Next(noon, slot)
				if got := slot.In(zone).Format(stamp); got != want {
					t.Fatalf("next slot %s, want %s", got, want)
				}
			}
		})
	}
}

func TestNoScheduleHasNoSlots(t *testing.T) {
	schedule, err := domain.ParseSchedule("", "")
	if err != nil || !schedule.None() || !schedule.Next(noon, noon).IsZero() {
		t.Errorf("%+v, %v", schedule, err)
	}
}

func TestTheNextSlotFollowsFromTheLastClaimedOne(t *testing.T) {
	s := domain.Scraper{}.Evolve(configured(nil)) // @every 60s since noon less a minute
	if got := s.NextSlot(time.Time{}); !got.Equal(noon) {
		t.Errorf("first slot %v, want the configuration's time plus the interval", got)
	}
	s = s.Evolve(domain.RunStarted{AboutRun: aboutRun(runID, 1), DueAt: at(60)})
	if got := s.NextSlot(time.Time{}); !got.Equal(at(120)) {
		t.Errorf("next slot %v, want %v", got, at(120))
	}
	if got := s.NextSlot(at(300)); !got.Equal(at(360)) {
		t.Errorf("slot after 300 s is %v, want %v", got, at(360))
	}
	if got := s.Evolve(removed).NextSlot(time.Time{}); !got.IsZero() {
		t.Errorf("a removed scraper has a slot at %v", got)
	}
}

func TestJitterIsTheSameEverywhereAndWithinItsBound(t *testing.T) {
	c := shopConfig()
	if got := c.Jittered(noon); !got.Equal(noon) {
		t.Errorf("without jitter: %v", got)
	}
	c.Jitter = domain.Duration(10 * time.Second)
	differ := false
	for i := range 100 {
		due := at(float64(60 * i))
		got := c.Jittered(due)
		if got.Before(due) || !got.Before(due.Add(10*time.Second)) || !got.Equal(c.Jittered(due)) {
			t.Fatalf("slot %v is jittered to %v", due, got)
		}
		differ = differ || got.Sub(due) != c.Jittered(noon).Sub(noon)
	}
	if !differ {
		t.Error("every slot has the same jitter")
	}
}
