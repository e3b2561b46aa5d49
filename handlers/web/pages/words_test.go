package pages

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/projections"
)

var (
	started = time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)
	next    = projections.Run{ID: uuid.MustParse("019a1b2c-3d4e-7f5a-8b6c-a1b2c3d40005"), StartedAt: projections.Time{Time: started.Add(2*time.Minute + 1200*time.Millisecond)}}
)

func of[T any](v T) *T { return &v }

// ended is a run of shop-prices that ended 41 s in.
func ended(s domain.RunStatus, with func(*RunPage)) RunPage {
	p := RunPage{Run: Run{Run: projections.Run{Scraper: "shop-prices", Status: s, StartedAt: projections.Time{Time: started}, EndedAt: projections.Time{Time: started.Add(41 * time.Second)}}}}
	with(&p)
	return p
}

func lost(cause domain.Cause, with func(*RunPage)) RunPage {
	return ended(domain.StatusConnectionFailed, func(p *RunPage) {
		p.Link, p.Phase, p.Cause = domain.LinkScraper, domain.PhaseStreaming, cause
		with(p)
	})
}

func TestTheSummaryOfARun(t *testing.T) {
	back := func(p *RunPage) { p.RestoredAt, p.DownForMS = started.Add(2*time.Minute), of[int64](79000) }
	tests := map[string]struct {
		page RunPage
		want string
	}{
		"running": {
			ended(domain.StatusRunning, func(p *RunPage) { p.HeardAt = started.Add(88 * time.Second) }),
			"Running for 1 min 30 s; last heard 2 s ago.",
		},
		"running and attached": {
			ended(domain.StatusRunning, func(p *RunPage) { p.Watcher = "tab-1" }),
			"Running for 1 min 30 s.",
		},
		"completed": {
			ended(domain.StatusCompleted, func(p *RunPage) { p.Items = of[int64](1) }),
			"Completed in 41 s: 1 item.",
		},
		"failed": {
			ended(domain.StatusFailed, func(p *RunPage) { p.Code, p.HTTPStatus = domain.CodeRejected, 401 }),
			"Failed after 41 s: the scraper answered without a stream (HTTP 401).",
		},
		"not sent": {
			ended(domain.StatusFailed, func(p *RunPage) { p.Code = domain.CodeRejected }),
			"Failed after 41 s: the request may not be sent.",
		},
		"cancelled": {
			ended(domain.StatusCancelled, func(p *RunPage) { p.CancelledBy, p.CancelReason = "user:web", "wrong depth." }),
			"Cancelled after 41 s by user:web: wrong depth.",
		},
		"fell silent, and was recovered": {
			lost(domain.CauseIdleTimeout, func(p *RunPage) {
				back(p)
				p.LastHeardAt, p.Next = started.Add(11*time.Second), next
			}),
			"Lost after 41 s: nothing was heard for 30 s. Restarted 1.2 s after the connection came back.",
		},
		"could not be reached": {
			lost(domain.CauseRefused, func(p *RunPage) { p.Phase, p.Standing = domain.PhaseConnecting, true }),
			"Not reached: nothing listens at its address. A new run starts as soon as the connection is back.",
		},
		"waits, and says for what": {
			lost(domain.CauseReset, func(p *RunPage) { p.Standing, p.Waiting = true, "ten seconds of answered probes" }),
			"Lost after 41 s: the connection was reset. Ten seconds of answered probes.",
		},
		"is back, and the new scrape has not started yet": {
			lost(domain.CauseReset, func(p *RunPage) { back(p); p.Standing = true }),
			"Lost after 41 s: the connection was reset. The connection came back after 1 min 19 s; the new run has not started yet.",
		},
		"is back, and nothing followed": {
			lost(domain.CauseReset, back),
			"Lost after 41 s: the connection was reset. The connection came back after 1 min 19 s, and no run was started for it.",
		},
		"superseded": {
			lost(domain.CauseEOF, func(*RunPage) {}),
			"Lost after 41 s: the stream ended without completed or failed. A newer run superseded it.",
		},
		"its watcher left": {
			lost(domain.CauseWatcherGone, func(p *RunPage) {
				p.Link, p.Phase, p.Standing = domain.LinkWatcher, "", true
				p.Waiting = "starts again when its watcher is back"
			}),
			"Stopped after 41 s: its watcher disconnected and did not return. Starts again when its watcher is back.",
		},
		"our instance died": {
			lost(domain.CauseInstanceLost, func(p *RunPage) { p.Phase, p.Standing = "", true }),
			"Lost after 41 s: the scrapelog instance that followed it died. A new run starts as soon as the connection is back.",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := plainly(test.page.summary(started.Add(90 * time.Second))); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// What people keep from starting comes before what the service waits for.
func TestWhatARecoveryWaitsFor(t *testing.T) {
	loss := func(with func(*Loss)) Loss {
		l := Loss{Waiting: "waits for the scraper to answer, probing every 1 s"}
		l.Config.Recovery.Enabled = true
		with(&l)
		return l
	}
	tests := map[string]struct {
		loss Loss
		want string
	}{
		"a probe":                    {loss(func(*Loss) {}), "recovery waits for the scraper to answer, probing every 1 s"},
		"no text of the prober":      {loss(func(l *Loss) { l.Waiting = "" }), "a new scrape starts as soon as a probe is answered"},
		"its watcher":                {loss(func(l *Loss) { l.Waiting, l.Connection.Link = "", domain.LinkWatcher }), "a new scrape starts when its watcher is back"},
		"nothing, it is back":        {loss(func(l *Loss) { l.Waiting, l.Restored = "", true }), "a new scrape is about to start"},
		"being resumed":              {loss(func(l *Loss) { l.Paused = true }), "the scraper is paused; a new scrape starts when it is resumed and the connection is back"},
		"being resumed, and is back": {loss(func(l *Loss) { l.Paused, l.Restored = true, true }), "the scraper is paused; a new scrape starts when it is resumed"},
		"nothing, it was removed":    {loss(func(l *Loss) { l.Removed, l.Paused = true, true }), "the scraper was removed; no run starts"},
		"the next slot":              {loss(func(l *Loss) { l.Config.Recovery.Enabled = false }), "recovery is disabled; no run starts before the next slot"},
	}
	for name, test := range tests {
		if got := plainly(WaitingText(test.loss)); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestAProblemIsASentence(t *testing.T) {
	tests := map[string]struct {
		problem Problem
		want    string
	}{
		"its title says the rest":        {Problem{Status: 404, Detail: "event 151 is beyond the head of the log, which is 150: not found"}, "Event 151 is beyond the head of the log, which is 150."},
		"nothing is said of it":          {Problem{Status: 404, Detail: `scraper "nope": not found`}, `There is no scraper "nope".`},
		"a parameter keeps its name":     {Problem{Status: 400, Detail: `status: "x" is not a status; use running`}, `status: "x" is not a status; use running`},
		"the log knows more":             {Problem{Status: 500, Detail: "X-Request-Id", Asked: "abc"}, "The service's log has the reason, under the request id abc."},
		"what is asked for is not known": {Problem{Status: 500, Detail: "the log has the reason"}, "The log has the reason."},
	}
	for name, test := range tests {
		if got := problemText(test.problem); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// plainly is text as it is typed: with spaces that break.
func plainly(s string) string { return strings.ReplaceAll(s, unit, " ") }

func TestEveryStatusHasAnIcon(t *testing.T) {
	for _, s := range domain.Statuses {
		if statusIcons[s] == "" {
			t.Errorf("status %s has no icon", s)
		}
	}
}

func TestSchedules(t *testing.T) {
	for spec, want := range map[string]string{
		"":             "by hand only",
		"@every 90s":   "every 1 min 30 s",
		"@every 15m":   "every 15 min",
		"@every 2h":    "every 2 h",
		"@hourly":      "hourly (Europe/Berlin)",
		"* * * * *":    "every minute",
		"*/15 * * * *": "every 15 min",
		"*/7 * * * *":  "*/7 * * * * (Europe/Berlin)", // uneven: it begins again each hour
		"5 * * * *":    "every hour at minute 5",
		"30 4 * * *":   "daily at 04:30 (Europe/Berlin)",
		"30 4 * * 1":   "at 04:30 on Mondays (Europe/Berlin)",
		"0 6 * * 1-5":  "at 06:00 from Monday to Friday (Europe/Berlin)",
		"0 6 * * 2,7":  "at 06:00 on Tuesdays and Sundays (Europe/Berlin)",
		"0 6,18 1 * *": "at 06:00 and 18:00 on day 1 of each month (Europe/Berlin)",
		"0 */6 * * *":  "every 6 h at minute 0",
		"*/5 * * * 6":  "every 5 min on Saturdays (Europe/Berlin)",
		"0,30 4 * * *": "daily at 04:00 and 04:30 (Europe/Berlin)",
		"0 8-18 * * *": "0 8-18 * * * (Europe/Berlin)",
		"0 4 * 1 *":    "0 4 * 1 * (Europe/Berlin)",
		"0 4 * * mon":  "0 4 * * mon (Europe/Berlin)",
	} {
		if got := plainly(scheduleText(domain.ScraperConfig{Schedule: spec, TimeZone: "Europe/Berlin"})); got != want {
			t.Errorf("%q is %q, want %q", spec, got, want)
		}
	}
}

func TestLengths(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0 s", 999 * time.Millisecond: "999 ms", 1250 * time.Millisecond: "1.2 s", 2 * time.Second: "2 s",
		59900 * time.Millisecond: "59 s", 125 * time.Second: "2 min 5 s", 3*time.Hour + 10*time.Minute: "3 h 10 min", 50 * time.Hour: "2 d 2 h",
	} {
		if got := Took(d); plainly(got) != want || strings.Contains(got, "1 ") || strings.Contains(got, "9 ") {
			t.Errorf("%s is %q, want %q that does not break before its unit", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 12345: "12\u00a0345", 1234567: "1\u00a0234\u00a0567"} {
		if got := number(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

// Live updates are asked for in htmx's words, and a stream's name is a part of a URL.
func TestOnlyNamesOfOursEnterTheWordsOfHtmx(t *testing.T) {
	for _, stream := range []string{"load from:body", "scraper-x, load", "scraper-", "run-", "run-1"} {
		if words := RefreshOn(stream); words != "" {
			t.Errorf("stream %q asks for %q", stream, words)
		}
	}
	for _, stream := range []string{"scraper-shop-prices", domain.RunStream(next.ID)} {
		if words := RefreshOn(stream); !strings.HasPrefix(words, stream+" from:#live") {
			t.Errorf("stream %q asks for %q", stream, words)
		}
	}
}
