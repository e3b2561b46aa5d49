package client

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/projections"
)

// status is how a server and its scrapers are.
type status struct {
	Ready    bool     `json:"ready"`
	Reasons  []string `json:"reasons"`  // why the server does not do its work
	Warnings []string `json:"warnings"` // what is degraded
	Scrapers struct {
		Total   int      `json:"total"`
		Lost    []string `json:"lost"`
		Failing []string `json:"failing"` // the last run failed
		Overdue []string `json:"overdue"`
		Paused  []string `json:"paused"`
	} `json:"scrapers"`
	OpenRuns    []runDoc            `json:"open_runs"` // the newest 500
	OpenOutages []outageDoc         `json:"open_outages"`
	NextSlot    *nextSlot           `json:"next_slot,omitempty"`
	LastRun     *runDoc             `json:"last_run,omitempty"`
	Verified    *domain.LogVerified `json:"last_verification,omitempty"`

	all   []projections.Scraper
	asked int64 // the position up to which verifications were asked for
}

type nextSlot struct {
	Scraper string    `json:"scraper"`
	At      time.Time `json:"at"`
}

// Status returns "scrapelog status".
func Status() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "How is it? One screen about a server and its scrapers",
		Long: `status prints whether the server does its work, which scrapers are lost, failing, overdue
or paused, which runs and outages are open, what comes next, and when the log was last
verified. Exit 1: the server is not ready.`,
		Example: "  scrapelog status\n  scrapelog status --jq .scrapers.lost",
		RunE: term.RunWithin(term.ReadTimeout, asking(func(ctx context.Context, c *client, out *term.Printer, _ []string) error {
			s, err := c.status(ctx, status{})
			if err != nil {
				return err
			}
			if err := out.Facts(s, s.facts(out)...); err != nil {
				return err
			}
			if !s.Ready {
				return term.Failf(term.ErrNegative, "the server is not ready: %s", strings.Join(s.Reasons, "; "))
			}
			return nil
		})),
	}
	term.AddDataFlags(cmd)
	addServerFlag(cmd)
	return cmd
}

// status asks how a server is. What was asked before saves the oldest verifications.
func (c *client) status(ctx context.Context, before status) (s status, err error) {
	s.Verified, s.asked = before.Verified, before.asked
	s.Scrapers.Lost, s.Scrapers.Failing, s.Scrapers.Overdue, s.Scrapers.Paused = []string{}, []string{}, []string{}, []string{}
	steps := []func(context.Context, *status) error{c.readiness, c.askScrapers, c.askRuns, c.askVerification}
	for _, step := range steps {
		if err := step(ctx, &s); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (c *client) readiness(ctx context.Context, s *status) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTimeout, fmt.Errorf("no answer within %s", answerTimeout))
	defer cancel()
	response, err := c.ask(ctx, http.MethodGet, "/readyz", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusServiceUnavailable {
		return c.refusal(response)
	}
	var answer struct {
		Detail            string
		Reasons, Warnings []string
	}
	if err := c.decode(response.Body, &answer); err != nil {
		return err
	}
	s.Ready, s.Reasons, s.Warnings = response.StatusCode == http.StatusOK, answer.Reasons, answer.Warnings
	if !s.Ready && len(s.Reasons) == 0 {
		s.Reasons = []string{cmp.Or(answer.Detail, "it does not say why")}
	}
	s.Reasons, s.Warnings = append([]string{}, s.Reasons...), append([]string{}, s.Warnings...)
	return nil
}

func (c *client) askScrapers(ctx context.Context, s *status) error {
	return listed(ctx, c, "scrapers", url.Values{}, 0, func(v projections.Scraper) error {
		s.addScraper(v)
		return nil
	})
}

func (s *status) addScraper(v projections.Scraper) {
	of := &s.Scrapers
	of.Total++
	s.all = append(s.all, v)
	for list, applies := range map[*[]string]bool{
		&of.Lost: v.Connection.State == projections.ConnectionLost, &of.Failing: v.LastRun.Status == domain.StatusFailed,
		&of.Overdue: !v.OverdueSince.IsZero(), &of.Paused: v.Paused,
	} {
		if applies {
			*list = append(*list, v.Name)
		}
	}
	if at := v.NextSlot.Time; !at.IsZero() && !v.AfterRecovery && (s.NextSlot == nil || at.Before(s.NextSlot.At)) {
		s.NextSlot = &nextSlot{v.Name, at}
	}
}

func (c *client) askRuns(ctx context.Context, s *status) error {
	var open, last struct{ Runs []runDoc }
	var outages struct{ Outages []outageDoc }
	for _, ask := range []struct {
		path  string
		query url.Values
		into  any
	}{
		{"/api/v1/runs", url.Values{"status": {string(domain.StatusRunning)}, "limit": {strconv.Itoa(maxPage)}}, &open},
		{"/api/v1/runs", url.Values{"limit": {"1"}}, &last},
		{"/api/v1/outages", url.Values{"open": {"true"}, "limit": {strconv.Itoa(maxPage)}}, &outages},
	} {
		if err := c.get(ctx, ask.path, ask.query, ask.into); err != nil {
			return err
		}
	}
	s.OpenRuns, s.OpenOutages = append([]runDoc{}, open.Runs...), append([]outageDoc{}, outages.Outages...)
	if len(last.Runs) > 0 {
		s.LastRun = &last.Runs[0]
	}
	return nil
}

func (c *client) askVerification(ctx context.Context, s *status) error {
	var answer struct {
		Events []struct {
			Position int64
			Data     json.RawMessage
		}
	}
	kind := domain.LogVerified{}.EventType()
	for {
		answer.Events = nil
		query := url.Values{"type": {kind}, "limit": {strconv.Itoa(maxPage)}, "after": {strconv.FormatInt(s.asked, 10)}}
		if err := c.get(ctx, "/api/v1/events", query, &answer); err != nil {
			return err
		}
		if n := len(answer.Events); n > 0 {
			s.Verified, s.asked = &domain.LogVerified{}, answer.Events[n-1].Position
			if err := json.Unmarshal(answer.Events[n-1].Data, s.Verified); err != nil {
				return term.Failf(term.ErrUnreachable, "%s did not answer as scrapelog does: %v", c.shown, err)
			}
		}
		if len(answer.Events) < maxPage {
			return nil
		}
	}
}

// shownNames is how many names a line has.
const shownNames = 5

func (s status) facts(out *term.Printer) [][2]string {
	state := "ready"
	if !s.Ready {
		state = "not ready"
	}
	facts := [][2]string{{"state", state}}
	for _, reason := range s.Reasons {
		facts = append(facts, [2]string{"because", reason})
	}
	for _, warning := range s.Warnings {
		facts = append(facts, [2]string{"warning", warning})
	}
	facts = append(facts, [2]string{"scrapers", strconv.Itoa(s.Scrapers.Total)},
		[2]string{"lost", named(s.Scrapers.Lost)}, [2]string{"failing", named(s.Scrapers.Failing)},
		[2]string{"overdue", named(s.Scrapers.Overdue)}, [2]string{"paused", named(s.Scrapers.Paused)})
	running := make([]string, len(s.OpenRuns))
	for i, r := range s.OpenRuns {
		running[i] = r.view.Scraper
	}
	facts = append(facts, [2]string{"open runs", cmp.Or(named(running), "0")})
	for _, o := range s.OpenOutages {
		v := o.view
		facts = append(facts, [2]string{"outage", fmt.Sprintf("%s since %s: %s, %d runs lost", v.Origin, out.Stamp(v.StartedAt.Time), v.Cause, v.RunsLost)})
	}
	if s.NextSlot != nil {
		facts = append(facts, [2]string{"next slot", out.Stamp(s.NextSlot.At) + " " + s.NextSlot.Scraper})
	}
	if s.LastRun != nil {
		v := s.LastRun.view
		facts = append(facts, [2]string{"last run", strings.TrimSpace(fmt.Sprintf("%s %s %s %s", out.Stamp(v.StartedAt.Time), v.Scraper, v.Status, v.why()))})
	}
	verified := "not yet"
	if v := s.Verified; v != nil {
		verified = fmt.Sprintf("%s, %s up to event %d", out.Stamp(v.At), v.Result, v.UpTo)
	}
	return append(facts, [2]string{"log verified", verified})
}

// named counts the names and lists the first few; it is empty where there are none.
func named(names []string) string {
	if len(names) == 0 {
		return ""
	}
	names = slices.Clone(names)
	text := strings.Join(names[:min(len(names), shownNames)], ", ")
	if more := len(names) - shownNames; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("%d: %s", len(names), text)
}
