package pages

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"scrapelog/domain"
	"scrapelog/projections"
)

// special reports whether a scraper is lost, on a streak, paused or removed.
func special(p ScraperPage) bool {
	return p.Lost() || p.Streak.Repeats() || !p.OverdueSince.IsZero() || p.Paused || p.Removed
}

// streakText is a streak as a sentence that goes on or stands by itself.
func streakText(s domain.Streak) string {
	text := clean(s.String())
	if strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// lostThen returns the text after the time of a loss: why, and what the recovery waits for.
func lostThen(p ScraperPage) string {
	cause := ": " + causeText(p.Connection.Cause) + ". "
	if p.Removed {
		return cause
	}
	return cause + sentenceCase(WaitingText(Loss{Scraper: p.Scraper, Waiting: p.Waiting})) + ". "
}

// skippedText returns which scrape was last skipped.
func skippedText(s projections.Skip) string {
	return "A scrape " + triggerText(s.Trigger) + " was last skipped"
}

type setting struct{ name, value string }

// settings are the values of a configuration under their own names.
func settings(c domain.ScraperConfig) []setting {
	all := []setting{
		{"url", c.URL},
		{"schedule", c.Schedule},
		{"time_zone", c.TimeZone},
		{"jitter", c.Jitter.String()},
		{"catch_up", string(c.CatchUp)},
		{"platforms", strings.Join(c.Platforms, ", ")},
		{"params", compact(c.Params)},
		{"headers_env", headers(c.HeadersEnv)},
		{"sign_env", c.SignEnv},
		{"connect_timeout", c.ConnectTimeout.String()},
		{"start_timeout", c.StartTimeout.String()},
		{"idle_timeout", c.IdleTimeout.String()},
		{"max_duration", c.MaxDuration.String()},
		{"probe", c.Probe.Interval.String() + " " + c.Probe.URL},
		{"recovery", recoverySetting(c.Recovery)},
	}
	set := slices.DeleteFunc(all, func(s setting) bool { return s.value == "" })
	for i := range set {
		set[i].value = clean(brief(set[i].value, settingShown))
	}
	return set
}

func compact(params map[string]any) string {
	if len(params) == 0 {
		return ""
	}
	text, err := json.Marshal(params)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func headers(env map[string]string) string {
	var lines []string
	for _, header := range slices.Sorted(maps.Keys(env)) {
		lines = append(lines, header+" from "+env[header])
	}
	return strings.Join(lines, ", ")
}

func recoverySetting(r domain.RecoveryConfig) string {
	if !r.Enabled {
		return "disabled"
	}
	return "enabled, hold_down " + r.HoldDown.String()
}
