package pages

import (
	"fmt"
	"strings"
	"time"

	"scrapelog/domain"
)

// scheduleText returns a schedule in words, or unchanged if it has no simple words.
func scheduleText(c domain.ScraperConfig) string {
	spec := strings.TrimSpace(c.Schedule)
	interval, every := domain.EveryInterval(spec)
	switch {
	case spec == "":
		return "by hand only"
	case every:
		return everyText(interval)
	case strings.HasPrefix(spec, "@"):
		return strings.TrimPrefix(clean(spec), "@") + inZone(c.TimeZone)
	}
	return cronText(spec, c.TimeZone)
}

func everyText(interval string) string {
	every, err := time.ParseDuration(interval)
	if err != nil {
		return "every " + clean(interval)
	}
	return "every " + rounded(every)
}

// rounded is a length of time without a smaller unit of which there is none.
func rounded(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimSuffix(Took(d), " 0"+unit+"s"), " 0"+unit+"min")
}

// cronText says a line of five fields in words: when in the day, and on which
// days. A line without simple words is returned unchanged.
func cronText(spec, zone string) string {
	fields := strings.Fields(spec)
	if len(fields) != 5 {
		return clean(spec) + inZone(zone)
	}
	times, often := timesText(fields[0], fields[1])
	days, known := daysText(fields[2], fields[3], fields[4])
	switch {
	case times == "" || !known:
		return clean(spec) + inZone(zone)
	case days == "" && often:
		return times
	case days == "":
		return "daily " + times + inZone(zone)
	}
	return times + " " + days + inZone(zone)
}

// timesText says when in a day; often is whether it goes on all day long.
func timesText(minutes, hours string) (text string, often bool) {
	var minute, step int
	switch {
	case minutes == "*" && hours == "*":
		return "every minute", true
	case hours == "*" && one(minutes, "*/%d", &step) && step > 0 && 60%step == 0:
		return fmt.Sprintf("every %d"+unit+"min", step), true
	case hours == "*" && one(minutes, "%d", &minute):
		return fmt.Sprintf("every hour at minute %d", minute), true
	case one(hours, "*/%d", &step) && step > 0 && 24%step == 0 && one(minutes, "%d", &minute):
		return fmt.Sprintf("every %d"+unit+"h at minute %d", step, minute), true
	}
	var list []string
	for h := range strings.SplitSeq(hours, ",") {
		for m := range strings.SplitSeq(minutes, ",") {
			var hour int
			if !one(h, "%d", &hour) || !one(m, "%d", &minute) {
				return "", false
			}
			list = append(list, fmt.Sprintf("%02d:%02d", hour, minute))
		}
	}
	return "at " + listText(list), false
}

// daysText says on which days; nothing, if on each.
func daysText(dayOfMonth, month, dayOfWeek string) (text string, known bool) {
	var day, last int
	switch {
	case month != "*":
		return "", false
	case dayOfMonth == "*" && dayOfWeek == "*":
		return "", true
	case dayOfWeek == "*" && one(dayOfMonth, "%d", &day):
		return fmt.Sprintf("on day %d of each month", day), true
	case dayOfMonth != "*":
		return "", false
	}
	if from, to, ok := strings.Cut(dayOfWeek, "-"); ok && one(from, "%d", &day) && one(to, "%d", &last) && day < last && last <= 7 {
		return fmt.Sprintf("from %s to %s", time.Weekday(day), time.Weekday(last%7)), true
	}
	var list []string
	for d := range strings.SplitSeq(dayOfWeek, ",") {
		if !one(d, "%d", &day) || day < 0 || day > 7 {
			return "", false
		}
		list = append(list, time.Weekday(day%7).String()+"s")
	}
	return "on " + listText(list), true
}

// listText joins words as people do.
func listText(words []string) string {
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " and " + words[n]
	}
	return words[0]
}

// one reads a field that is nothing but the one number of form.
func one(field, form string, n *int) bool {
	read, err := fmt.Sscanf(field, form, n)
	return err == nil && read == 1 && fmt.Sprintf(form, *n) == field
}

func inZone(zone string) string {
	if zone == "" {
		zone = "UTC"
	}
	return " (" + clean(zone) + ")"
}
