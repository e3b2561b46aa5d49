package domain

import (
	"fmt"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netresearch/go-cron"
)

var cronParser = cron.MustNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

const wantSchedule = `use five cron fields such as "*/15 * * * *", @hourly, @daily or @every 90s`

// cronField is what one of the five fields of a cron line may hold.
type cronField struct {
	name        string
	least, most int
	names       []string
}

var cronFields = [5]cronField{
	{name: "minute", most: 59},
	{name: "hour", most: 23},
	{name: "day of month", least: 1, most: 31},
	{name: "month", least: 1, most: 12, names: []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{name: "day of week", most: 7, names: []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

func parseCron(spec string, loc *time.Location) (Schedule, error) {
	if strings.Contains(spec, "TZ=") {
		return Schedule{}, &FieldError{"schedule", fmt.Sprintf("%q names a time zone", spec), "set time_zone instead"}
	}
	fields := strings.Fields(spec)
	descriptor := strings.HasPrefix(spec, "@")
	if !descriptor && len(fields) != len(cronFields) {
		return Schedule{}, &FieldError{"schedule", fmt.Sprintf("%q has %d fields", spec, len(fields)), wantSchedule}
	}
	if !descriptor {
		for i, field := range cronFields {
			if problem := field.problem(fields[i]); problem != "" {
				return Schedule{}, &FieldError{"schedule", fmt.Sprintf("%q cannot be read (%s)", spec, problem), wantSchedule}
			}
		}
	}
	parsed, err := cronParser.Parse(spec)
	if err != nil { // what the fields' own check leaves to the library; its text speaks of options in Go
		problem := "a step is as long as its range or longer"
		if descriptor {
			problem = "no such word with @"
		}
		return Schedule{}, &FieldError{"schedule", fmt.Sprintf("%q cannot be read (%s)", spec, problem), wantSchedule}
	}
	if !descriptor && restrictsBothDays(parsed, fields) {
		return Schedule{}, &FieldError{"schedule",
			fmt.Sprintf("%q restricts both day of month and day of week, which crons read differently", spec), "leave one of them *"}
	}
	s := Schedule{cron: parsed, zone: loc, fixed: descriptor && spec != "@hourly" || !descriptor && !startsOpen(fields[1])}
	if s.Next(time.Time{}, time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Schedule{}, &FieldError{"schedule", fmt.Sprintf("%q never fires", spec), "name a day that exists"}
	}
	return s, nil
}

func startsOpen(field string) bool { return strings.HasPrefix(field, "*") || field == "?" }

// restrictsBothDays reports whether both fields of days leave days out. A list
// that has * as one of its members restricts too: crons disagree whether it does.
func restrictsBothDays(schedule cron.Schedule, fields []string) bool {
	spec, ok := schedule.(*cron.SpecSchedule)
	if !ok {
		return false
	}
	const month, week = 1<<32 - 1<<1, 1<<7 - 1 // days 1 to 31, and 0 to 6
	openList := func(field string) bool { return strings.Contains(field, ",") && strings.ContainsAny(field, "*?") }
	return (bits.OnesCount64(spec.Dom&month) < 31 || openList(fields[2])) &&
		(bits.OnesCount64(spec.Dow&week) < 7 || openList(fields[4]))
}

var (
	cronItem     = regexp.MustCompile(`^([*?]|(\w+)(?:-(\w+))?)(?:/(\d+))?$`)
	cronSpecials = regexp.MustCompile(`(?i)^([LH]\b|\d+[LW]$|LW$|L-|\w+#|H\()`)
)

// problem says what cannot be read in a field of a cron line. Empty: nothing.
func (f cronField) problem(field string) string {
	for item := range strings.SplitSeq(field, ",") {
		if cronSpecials.MatchString(item) {
			return fmt.Sprintf("%s: %s: L, W, # and H are not supported", f.name, item)
		}
		parts := cronItem.FindStringSubmatch(item)
		if parts == nil {
			return fmt.Sprintf("%s: %q is not *, a value, a range such as %d-%d or a step such as */%d", f.name, item, f.least, f.least+2, 2)
		}
		for _, value := range parts[2:4] {
			if problem := f.valueProblem(value); problem != "" {
				return problem
			}
		}
		if step := parts[4]; step != "" {
			if n, err := strconv.Atoi(step); err != nil || n < 1 || n > f.most {
				return fmt.Sprintf("%s: %s: the step is out of range; use 1 to %d", f.name, item, f.most)
			}
		}
	}
	return ""
}

func (f cronField) valueProblem(value string) string {
	if value == "" || slices.Contains(f.names, strings.ToLower(value)) {
		return ""
	}
	n, err := strconv.Atoi(value)
	switch {
	case err == nil && n >= f.least && n <= f.most:
		return ""
	case err == nil || strings.Trim(value, "0123456789") == "":
		return fmt.Sprintf("%s: %s is out of range; use %d to %d", f.name, value, f.least, f.most)
	case f.names != nil:
		return fmt.Sprintf("%s: %q is not a name; use %s to %s, or %d to %d", f.name, value,
			strings.ToUpper(f.names[0]), strings.ToUpper(f.names[len(f.names)-1]), f.least, f.most)
	}
	return fmt.Sprintf("%s: %q is not a number; use %d to %d", f.name, value, f.least, f.most)
}
