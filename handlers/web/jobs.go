package web

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/web/pages"

	"github.com/labstack/echo/v4"
)

// jobs are tasks that take longer than a request may, such as rebuilding a projection or
// verifying the log. They run one after the other.
type jobs struct {
	queue chan func(context.Context)

	mu    sync.Mutex
	state map[string]pages.Job
}

func newJobs() *jobs {
	return &jobs{queue: make(chan func(context.Context), 16), state: map[string]pages.Job{}}
}

// Run does the queued jobs until ctx is done.
func (h *Handler) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case work := <-h.jobs.queue:
			work(ctx)
		}
	}
}

// work does a job and reports its progress.
type work func(ctx context.Context, progress func(done, all int64)) error

// start queues a job. It is refused while the same one is waiting or under way.
func (j *jobs) start(name string, now func() time.Time, do work) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state[name].Busy() {
		return fmt.Errorf("%w: %s is under way", domain.ErrConflict, name)
	}
	run := func(ctx context.Context) {
		j.set(name, func(s *pages.Job) { s.Running = true })
		err := do(ctx, func(done, all int64) { j.set(name, func(s *pages.Job) { s.Done, s.All = done, all }) })
		j.set(name, func(s *pages.Job) {
			s.EndedAt = now()
			if err != nil {
				s.Err = err.Error()
			}
		})
	}
	select {
	case j.queue <- run:
		j.state[name] = pages.Job{StartedAt: now()}
		return nil
	default:
		return fmt.Errorf("%w: too many jobs are waiting", domain.ErrConflict)
	}
}

// begin starts a job, and answers with the page that shows it.
func (h *Handler) begin(c echo.Context, name, path string, do work) error {
	if err := h.jobs.start(name, h.cfg.Now, do); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, path)
}

func (j *jobs) set(name string, change func(*pages.Job)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.state[name]
	change(&s)
	j.state[name] = s
}

// get returns the state of a job; the zero Job if it was never started.
func (j *jobs) get(name string) pages.Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state[name]
}
