package web

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/handlers/problem"
	"scrapelog/handlers/web/pages"
)

// mostSelected is how many scrapers a form may name.
const mostSelected = 100

// several does one thing with each scraper of a selection, and answers with what became of
// each.
func (h *Handler) several(c echo.Context) error {
	form, err := c.FormParams()
	if err != nil {
		return problem.New(problem.Invalid, "the form cannot be read")
	}
	names, done := form["scraper"], pages.Several{Do: form.Get("do")}
	switch {
	case len(names) == 0:
		return &domain.FieldError{Field: "scraper", Problem: "no scraper is selected", Want: "tick the boxes of those that are meant"}
	case len(names) > mostSelected:
		return &domain.FieldError{Field: "scraper", Problem: fmt.Sprintf("%d scrapers are selected", len(names)), Want: fmt.Sprintf("select at most %d", mostSelected)}
	}
	for _, name := range names {
		command, err := commandOf(c, done.Do, name)
		if err != nil {
			return err
		}
		done.Of = append(done.Of, h.outcome(c, name, command))
	}
	for _, o := range done.Of {
		if o.Position > 0 {
			c.Response().Header().Set("X-Log-Position", strconv.FormatInt(o.Position, 10))
		}
	}
	chrome, err := h.chrome(c, "/scrapers", "Selected scrapers", "")
	if err != nil {
		return err
	}
	return send(c, http.StatusOK, pages.SeveralPage(chrome, done))
}

// commandOf returns the command that a button names.
func commandOf(c echo.Context, do, scraper string) (domain.Command, error) {
	to := domain.ToScraper{Scraper: scraper}
	switch do {
	case "pause":
		return domain.PauseScraper{ToScraper: to, By: actor(c), Reason: c.FormValue("reason")}, nil
	case "resume":
		return domain.ResumeScraper{ToScraper: to, By: actor(c), Reason: c.FormValue("reason")}, nil
	case "run":
		return domain.StartScrape{ToScraper: to, Trigger: domain.TriggerManual}, nil
	}
	return nil, invalid("do", do, "use pause, resume or run")
}

// outcome gives a command and says what came of it.
func (h *Handler) outcome(c echo.Context, scraper string, command domain.Command) pages.Outcome {
	o := pages.Outcome{Scraper: scraper}
	recorded, err := h.do(c, command)
	if err != nil {
		d := problem.Of(err)
		if d.Status >= http.StatusInternalServerError {
			h.cfg.Logger.ErrorContext(c.Request().Context(), "action on a selected scraper failed", "scraper", scraper, "error", err)
		}
		o.Refused, o.Says, o.Run = true, pages.Refusal(d.Title, d.Detail), d.RunID
		return o
	}
	if len(recorded) == 0 {
		o.Says = "it was so already"
		return o
	}
	last := recorded[len(recorded)-1]
	o.Position, o.Says = last.Position, pages.NewNotice(last, h.nameOf).Says
	if e, err := last.Event(); err == nil {
		o.Run = e.Run()
	}
	return o
}
