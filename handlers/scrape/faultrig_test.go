package scrape

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
	"unicode"

	"scrapelog/domain"
)

// want is what must be recorded.
type want struct {
	status domain.RunStatus
	cause  domain.Cause
	code   domain.FailureCode
	phase  domain.Phase
	http   int
	events int64
	last   string // the last event's name, where it is checked
	items  int64
	within time.Duration // at the latest; zero: soon
	detail string        // a part of it
	posts  int64
}

type fault struct {
	scenario
	want want
}

// soon is how late an end that is seen at once may be on a busy machine. The
// bounds themselves are held to the millisecond under synctest.
const soon = 20 * time.Second

func lost(cause domain.Cause, phase domain.Phase) want {
	return want{status: domain.StatusConnectionFailed, cause: cause, phase: phase, posts: 1}
}

func connecting(cause domain.Cause) want { return lost(cause, domain.PhaseConnecting) }

func streamed(cause domain.Cause, events int64) want {
	w := lost(cause, domain.PhaseStreaming)
	w.events = events
	return w
}

func failed(code domain.FailureCode) want {
	return want{status: domain.StatusFailed, code: code, posts: 1}
}

func done(items int64) want {
	return want{status: domain.StatusCompleted, items: items, posts: 1}
}

// unsent is want for an exchange that never came to a POST.
func (w want) unsent() want { w.posts = 0; return w }

func (w want) after(d time.Duration) want { w.within = d + soon; return w }

func (w want) lastly(name string) want { w.last = name; return w }

func (w want) saying(part string) want { w.detail = part; return w }

func (sc scenario) onRecovery() scenario { sc.trigger = domain.TriggerRecovery; return sc }

func (sc scenario) withConfig(f func(*domain.ScraperConfig)) scenario { sc.config = f; return sc }

func (w want) stopped() want { w.cause, w.phase = domain.CauseInstanceStop, ""; return w }

func impatient(c *domain.ScraperConfig) { c.ConnectTimeout = domain.Duration(300 * time.Millisecond) }
func hurried(c *domain.ScraperConfig)   { c.StartTimeout = domain.Duration(time.Second) }
func shortLife(c *domain.ScraperConfig) { c.MaxDuration = domain.Duration(time.Second) }
func unsetHeader(c *domain.ScraperConfig) {
	c.HeadersEnv = map[string]string{"Authorization": "SCRAPELOG_TEST_UNSET"}
}

func signedWithout(c *domain.ScraperConfig) { c.SignEnv = "SCRAPELOG_TEST_UNSET" }
func signedWith(c *domain.ScraperConfig)    { c.SignEnv = "SCRAPELOG_TEST_SIGN_SECRET" }

// bigParams makes a request that no socket buffer holds.
func bigParams(c *domain.ScraperConfig) {
	hurried(c)
	c.Params = map[string]any{"large": strings.Repeat("x", 8<<20)}
}

func (w want) check(t *testing.T, c domain.RunCommand, posts int64, took time.Duration) {
	t.Helper()
	got := want{posts: posts, detail: w.detail, within: w.within}
	var detail string
	switch c := c.(type) {
	case domain.ReportCompleted:
		got.status, got.items = domain.StatusCompleted, c.Items
	case domain.ReportFailed:
		got.status, got.code, got.http, detail = domain.StatusFailed, c.Code, c.HTTPStatus, c.Detail
	case domain.ReportConnectionLost:
		got.status, got.cause, got.phase, got.events, detail = domain.StatusConnectionFailed, c.Cause, c.Phase, c.Received.Events, c.Detail
		checkEvidence(t, c)
		if w.last != "" {
			got.last = c.LastEvent
		}
		if named := c.LastEvent != ""; named != (c.Received.Events > 0) || len(c.LastEvent) > domain.MaxLastEvent {
			t.Errorf("the last of %d events is said to be %q", c.Received.Events, c.LastEvent)
		}
		checkDetail(t, c.LastEvent)
	}
	if got != w {
		t.Errorf("got  %+v\nwant %+v\ndetail %q", got, w, detail)
	}
	if !strings.Contains(detail, w.detail) || w.status != "" && w.status != domain.StatusCompleted && detail == "" {
		t.Errorf("detail %q, want one with %q", detail, w.detail)
	}
	checkDetail(t, detail)
	if limit := max(w.within, soon); took > limit {
		t.Errorf("took %s, want at most %s", took, limit)
	}
}

func checkEvidence(t *testing.T, c domain.ReportConnectionLost) {
	t.Helper()
	if c.Link != domain.LinkScraper {
		t.Errorf("link %q", c.Link)
	}
	if c.Phase == domain.PhaseStreaming && c.LastHeardAt.IsZero() {
		t.Error("a stream was lost and it is not said when it was last heard")
	}
	if c.Received.Events > 0 && c.Received.Bytes < c.Received.Events*int64(len(progress)) {
		t.Errorf("received %+v: too few bytes", c.Received)
	}
}

func checkDetail(t testing.TB, detail string) {
	t.Helper()
	if len(detail) > domain.MaxDetail {
		t.Errorf("detail has %d bytes", len(detail))
	}
	if strings.ContainsFunc(detail, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("detail %q holds what does not print", detail)
	}
	if strings.Contains(detail, "canary") {
		t.Errorf("detail %q holds the URL's query", detail)
	}
}

// row is a row of the table: what was recorded, when, and by when it had to be.
func (w want) row(c domain.RunCommand, took time.Duration) string {
	bound := "at once"
	if w.within > 0 {
		bound = (w.within - soon).String()
	}
	return fmt.Sprintf("%s\t%s\t%s", recordedAs(c), took.Round(100*time.Microsecond), bound)
}

// recordedAs is what was recorded, in the columns of the table.
func recordedAs(c domain.RunCommand) string {
	switch c := c.(type) {
	case domain.ReportCompleted:
		return fmt.Sprintf("completed\t\t\titems=%d", c.Items)
	case domain.ReportFailed:
		return fmt.Sprintf("failed\t%s\t\t%s", c.Code, c.Detail)
	case domain.ReportConnectionLost:
		return fmt.Sprintf("connection_failed\t%s\t%s\t%s", c.Cause, c.Phase, c.Detail)
	}
	return "(nothing: it has ended otherwise)\t\t\t"
}

func printTable(rows *sync.Map) string {
	var lines []string
	rows.Range(func(name, row any) bool {
		cells := strings.Split(row.(string), "\t")
		if detail := []rune(cells[3]); len(detail) > 90 {
			cells[3] = string(detail[:89]) + "…"
		}
		lines = append(lines, name.(string)+"\t"+strings.Join(cells, "\t"))
		return true
	})
	slices.Sort(lines)
	var out bytes.Buffer
	tab := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, "FAULT\tSTATUS\tCAUSE/CODE\tPHASE\tDETAIL\tAFTER\tBOUND")
	for _, line := range lines {
		fmt.Fprintln(tab, line)
	}
	_ = tab.Flush()
	return out.String()
}
