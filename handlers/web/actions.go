package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/access"
	"scrapelog/handlers/web/pages"
)

// actor returns who asks for an action, as the log names them.
func actor(c echo.Context) string { return access.From(c.Request().Context()).Actor("user:web") }

func (h *Handler) start(c echo.Context) error {
	var params json.RawMessage
	if text := c.FormValue("params"); text != "" {
		params = json.RawMessage(text)
	}
	recorded, err := h.do(c, domain.StartScrape{
		ToScraper: domain.ToScraper{Scraper: c.Param("name")},
		Trigger:   domain.TriggerManual, Watcher: c.FormValue("attach"), Params: params,
	})
	if err != nil {
		return err
	}
	return h.done(c, recorded, startedPath(recorded, c.Param("name")))
}

// startedPath leads to the run that was started.
func startedPath(recorded []eventstore.Recorded, scraper string) string {
	for _, rec := range recorded {
		if e, err := rec.Event(); err == nil {
			if started, ok := e.(domain.RunStarted); ok {
				return "/runs/" + started.RunID.String()
			}
		}
	}
	return scraperPath(scraper)
}

func (h *Handler) cancel(c echo.Context) error {
	id, err := h.runID(c)
	if err != nil {
		return err
	}
	return h.act(c, domain.CancelRun{ToRun: domain.ToRun{RunID: id}, By: actor(c), Reason: c.FormValue("reason")}, "/runs/"+id.String())
}

// change pauses or resumes a scraper.
func (h *Handler) change(do string) echo.HandlerFunc {
	return func(c echo.Context) error {
		command, err := commandOf(c, do, c.Param("name"))
		if err != nil {
			return err
		}
		return h.act(c, command, scraperPath(c.Param("name")))
	}
}

// askCancel asks before a run is cancelled.
func (h *Handler) askCancel(c echo.Context) error {
	id, err := h.runID(c)
	if err != nil {
		return err
	}
	run, err := h.cfg.Queries.Run(c.Request().Context(), id)
	if err != nil {
		return err
	}
	if run.Status.Final() {
		return to(c, "/runs/"+id.String())
	}
	return h.ask(c, "/runs", pages.AskCancel(run))
}

// askPause asks before a scraper is paused or resumed.
func (h *Handler) askPause(c echo.Context) error {
	scraper, err := h.cfg.Queries.Scraper(c.Request().Context(), c.Param("name"))
	if err != nil {
		return err
	}
	if scraper.Removed {
		return fmt.Errorf("scraper %s was removed: %w", quoted(scraper.Name), domain.ErrNotFound)
	}
	return h.ask(c, "/scrapers", pages.AskPause(scraper))
}

func (h *Handler) ask(c echo.Context, section string, a pages.Ask) error {
	return h.show(c, section, a.Title, func(chrome pages.Chrome) templ.Component { return pages.AskPage(chrome, a) })
}

// act records a command, and answers with the page that shows what was recorded.
func (h *Handler) act(c echo.Context, command domain.Command, path string) error {
	recorded, err := h.do(c, command)
	if err != nil {
		return err
	}
	return h.done(c, recorded, path)
}

// probe has a lost scraper probed at once, and records nothing.
func (h *Handler) probe(c echo.Context) error {
	scraper, err := h.cfg.Queries.Scraper(c.Request().Context(), c.Param("name"))
	if err != nil {
		return err
	}
	h.cfg.ProbeNow(scraper.Name)
	return h.done(c, nil, scraperPath(scraper.Name))
}

func (h *Handler) do(c echo.Context, command domain.Command) ([]eventstore.Recorded, error) {
	by := domain.Origin{Actor: actor(c), Traceparent: c.Request().Header.Get("Traceparent")}
	return h.cfg.Handle(c.Request().Context(), command, by)
}

// done answers with the page that shows what was recorded, once it does.
func (h *Handler) done(c echo.Context, recorded []eventstore.Recorded, path string) error {
	if len(recorded) > 0 {
		last := recorded[len(recorded)-1].Position
		c.Response().Header().Set("X-Log-Position", strconv.FormatInt(last, 10))
		if err := h.waitFor(c.Request().Context(), last); err != nil {
			return err
		}
		path += "?recorded=" + strconv.FormatInt(last, 10)
	}
	return c.Redirect(http.StatusSeeOther, path)
}

func scraperPath(name string) string { return "/scrapers/" + url.PathEscape(name) }

func invalid(field, value, want string) error {
	return &domain.FieldError{Field: field, Problem: quoted(value) + " cannot be used", Want: want}
}
