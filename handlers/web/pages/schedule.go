package pages

import (
	"fmt"
	"strings"
	"time"

	"scrapelog/domain"
)

// scheduleText says a schedule in words where it is a plain one, and repeats it
// where it is not.
func scheduleText(c domain.ScraperConfig) string {
	spec := strings.TrimSpace(c.Schedule)
	switch {
	case spec == "":
		return "by hand only"
	case strings.HasPrefix(spec, "@every "):
		return everyText(strings.TrimSpace(strings.TrimPrefix(spec, "@every ")))
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
	return "every " + strings.TrimSuffix(strings.TrimSuffix(Took(every), " 0"+unit+"s"), " 0"+unit+"min")
}

func cronText(spec, zone string) string {
	var minute, hour int
	fields := strings.Fields(spec)
	if len(fields) != 5 || strings.Join(fields[2:], " ") != "* * *" {
		return clean(spec) + inZone(zone)
	}
	switch {
	case fields[0] == "*" && fields[1] == "*":
		return "every minute"
	case fields[1] == "*" && one(fields[0], "*/%d", &minute) && minute > 0 && 60%minute == 0:
		return fmt.Sprintf("every %d"+unit+"min", minute)
	case fields[1] == "*" && one(fields[0], "%d", &minute):
		return fmt.Sprintf("every hour at minute %d", minute)
	case one(fields[0], "%d", &minute) && one(fields[1], "%d", &hour):
		return fmt.Sprintf("daily at %02d:%02d%s", hour, minute, inZone(zone))
	}
	return clean(spec) + inZone(zone)
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
