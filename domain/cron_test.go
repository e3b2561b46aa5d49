package domain_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // as in the program

	"scrapelog/domain"
)

// TestRefusedSchedules is the table of schedules that are refused, in our own
// words: no text of the library's or of strconv's.
func TestRefusedSchedules(t *testing.T) {
	for spec, want := range map[string]string{
		"*/61 * * * *":          `minute: */61: the step is out of range; use 1 to 59`,
		"*/60 * * * *":          `minute: */60: the step is out of range`,
		"*/0 * * * *":           `minute: */0: the step is out of range`,
		"60 * * * *":            `minute: 60 is out of range; use 0 to 59`,
		"0 24 * * *":            `hour: 24 is out of range; use 0 to 23`,
		"0 0 0 * *":             `day of month: 0 is out of range; use 1 to 31`,
		"0 0 * 13 *":            `month: 13 is out of range; use 1 to 12`,
		"0 0 * * 8":             `day of week: 8 is out of range; use 0 to 7`,
		"0-10/20 * * * *":       `a step is as long as its range or longer`,
		"0 0 31 2 *":            `never fires`,
		"0 0 31 4,6,9,11 *":     `never fires`,
		"0 0 * * * *":           `has 6 fields`,
		"* * * *":               `has 4 fields`,
		"@reboot":               `no such word with @`,
		"@Every 5m":             `no such word with @`,
		"TZ=UTC 0 0 * * *":      `set time_zone instead`,
		"CRON_TZ=UTC @daily":    `set time_zone instead`,
		"@every 90":             `has no duration`,
		"@every 1d":             `has no duration`,
		"every 90":              `has no duration`,
		"every minute":          `has no duration`,
		"every 10ms":            `is out of range`,
		"every":                 `has 1 fields`,
		"0 0 L * *":             `day of month: L: L, W, # and H are not supported`,
		"0 0 L-3 * *":           `day of month: L-3: L, W, # and H are not supported`,
		"0 0 LW * *":            `L, W, # and H are not supported`,
		"0 0 1W * *":            `day of month: 1W: L, W, # and H are not supported`,
		"0 0 * * 5#3":           `day of week: 5#3: L, W, # and H are not supported`,
		"0 0 * * FRI#3":         `day of week: FRI#3: L, W, # and H are not supported`,
		"0 0 * * 5L":            `day of week: 5L: L, W, # and H are not supported`,
		"H * * * *":             `minute: H: L, W, # and H are not supported`,
		"H/15 * * * *":          `minute: H/15: L, W, # and H are not supported`,
		"H(0-30) * * * *":       `minute: H(0-30): L, W, # and H are not supported`,
		"0 0 * * Monday":        `day of week: "Monday" is not a name; use SUN to SAT, or 0 to 7`,
		"0 0 * January *":       `month: "January" is not a name; use JAN to DEC, or 1 to 12`,
		"0 noon * * *":          `hour: "noon" is not a number; use 0 to 23`,
		"-5 * * * *":            `minute: "-5" is not *, a value, a range`,
		"1-2-3 * * * *":         `minute: "1-2-3" is not *`,
		"1//2 * * * *":          `minute: "1//2" is not *`,
		"1, * * * *":            `minute: "" is not *`,
		"1.5 * * * *":           `minute: "1.5" is not *`,
		"99999999999 * * * *":   `minute: 99999999999 is out of range`,
		"*/99999999999 * * * *": `the step is out of range`,
	} {
		t.Run(spec, func(t *testing.T) {
			_, err := domain.ParseSchedule(spec, "UTC")
			field, ok := errors.AsType[*domain.FieldError](err)
			if !ok || field.Field != "schedule" || !strings.Contains(err.Error(), want) {
				t.Fatalf("got %v, want %s", err, want)
			}
			for _, foreign := range []string{"option", "strconv", "Atoi", "parsing", "DomL", "hash"} {
				if strings.Contains(err.Error(), foreign) {
					t.Errorf("%v speaks of %q", err, foreign)
				}
			}
		})
	}
}

// TestBothDaysRestricted: crons differ on lines that restrict both fields of
// days, however that is written; a field that leaves every day restricts nothing.
func TestBothDaysRestricted(t *testing.T) {
	for spec, refused := range map[string]bool{
		"0 0 13 * 5": true, "0 0 */2 * 1": true, "0 0 1 * */2": true, "0 0 *,15 * 1": true, "0 0 1 * *,5": true,
		"0 0 ?/2 * 1": true, "0 0 15,* * MON": true, "0 0 1-30 * 1": true, "0 0 2-31 * 1-5": true, "0 0 1 * 1-6": true, "0 0 */2 * */2": true,
		"0 0 * * 1": false, "0 0 1 * *": false, "0 0 ? * 1": false, "0 0 1 * ?": false, "0 0 */1 * 1": false, "0 0 1 * */1": false,
		"0 0 1-31 * 1": false, "0 0 1 * 0-6": false, "0 0 1 * 0-7": false, "0 0 1 * SUN-SAT": false, "0 0 1 * 1-7": false, "0 0 */2 * *": false, "0 0 * * */2": false,
		"0 0 *,15 * *": false,
	} {
		_, err := domain.ParseSchedule(spec, "UTC")
		if refused != (err != nil && strings.Contains(err.Error(), "restricts both day of month and day of week")) || !refused && err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

func TestSchedulesThatAreRead(t *testing.T) {
	for _, spec := range []string{
		"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually", "*/15 * * * *", "0 22-2 * * *", "0 0 * NOV-feb *",
		"0 0 * * FRI-MON", "0 9 * * mon-fri", "5/10 * * * *", "0,30 8-18/2 * * 1,3", "*/59 * * * *", "  0 0 * * *  ", "0\t0 * * 7", "@every 1h", "@every  90s",
	} {
		if _, err := domain.ParseSchedule(spec, "UTC"); err != nil {
			t.Error(err)
		}
	}
}

// TestEveryWithoutAt: "every 30s" is "@every 30s".
func TestEveryWithoutAt(t *testing.T) {
	for _, spec := range []string{"@every 30s", "every 30s", " every  30s "} {
		schedule, err := domain.ParseSchedule(spec, "UTC")
		if err != nil || !schedule.Next(noon, noon).Equal(noon.Add(30*time.Second)) {
			t.Errorf("%q: %v, next %v", spec, err, schedule.Next(noon, noon))
		}
	}
}

// TestZones: what is known does not depend on the machine's own files.
func TestZones(t *testing.T) {
	for zone, ok := range map[string]bool{
		"": true, "UTC": true, "Europe/Berlin": true, "US/Pacific": true, "EST5EDT": true, "Etc/GMT+2": true, "Europe/Kyiv": true, "America/Coyhaique": true,
		"GMT+2": false, "utc": false, "Z": false, "Local": false, "+02:00": false, "../../etc/passwd": false, "/etc/passwd": false, "Europe/Nowhere": false,
	} {
		_, err := domain.ParseSchedule("@daily", zone)
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "use an IANA name such as Europe/Berlin or UTC") {
			t.Errorf("%q: %v", zone, err)
		}
	}
}

func TestPorts(t *testing.T) {
	for raw, ok := range map[string]bool{
		"http://h/": true, "http://h:1/": true, "http://h:65535/": true, "https://[::1]:443/": true, "http://h:/": true,
		"http://h:0/": false, "http://h:65536/": false, "http://h:99999/": false, "http://h:-1/": false, "http://[::1]:70000/": false, "http://h:99999999999999999999/": false,
	} {
		if err := domain.CheckURL("url", raw); (err == nil) != ok {
			t.Errorf("%s: %v", raw, err)
		}
	}
	config := shopConfig()
	config.Probe.URL = "http://shop:99999/"
	if field, ok := errors.AsType[*domain.FieldError](config.Validate()); !ok || field.Field != "probe.url" {
		t.Errorf("probe with port 99999: %v", config.Validate())
	}
}

func TestPublicURLs(t *testing.T) {
	for raw, want := range map[string]string{
		"http://h/a": "http://h/a", "http://u:CANARY@h:80/a?token=CANARY#CANARY": "http://h:80/a", "HTTP://h?CANARY": "http://h", "http://h/?": "http://h/",
		"me:CANARY@h/x": "…@h/x", "CANARY@h": "…@h", "http://a b:CANARY@h": "…@h", "/a": "/a", "": "", "http://h/%zz": "http://h/%zz",
	} {
		if got := domain.PublicURL(raw); got != want {
			t.Errorf("%q is shown as %q, want %q", raw, got, want)
		}
	}
	for _, raw := range []string{"me:CANARY@h/x", "ftp://u:CANARY@h/?CANARY", "//u:CANARY@h", "u:CANARY@h:99999", "http://u:CANARY@h:99999", "http://u:CANARY@[h"} {
		if err := domain.CheckURL("url", raw); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// TestNamesOfVariables: what is not a name is refused and not repeated.
func TestNamesOfVariables(t *testing.T) {
	for name, ok := range map[string]bool{
		"SHOP_TOKEN": true, "_x": true, "a1": true,
		"": false, "1A": false, "Bearer sk-CANARY": false, "sk-CANARY": false, "$CANARY": false, "${CANARY}": false, "CANARY\n": false, "A=CANARY": false,
		"CANARY.x": false, "CANÄRY": false, "CANARY\x00": false, " CANARY": false, "https://hooks.example/CANARY": false, "whsec_CANARY": false, "slg_1_CANARY_2": false,
	} {
		config := shopConfig()
		config.HeadersEnv = map[string]string{"Authorization": name}
		err := config.Validate()
		if (err == nil) != ok || domain.ValidEnvName(name) != ok {
			t.Errorf("%q: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "CAN") || !errors.Is(err, domain.ErrInvalid)) {
			t.Errorf("%q: %v repeats it", name, err)
		}
	}
	config := shopConfig()
	config.HeadersEnv = map[string]string{"Bearer sk-CANARY": "Authorization"} // the other way round
	if err := config.Validate(); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Error(err)
	}
}
