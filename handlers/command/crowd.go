package command

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

const (
	// maxTogether is how many callers are answered at once: all slots of one instant.
	maxTogether = 2048
	// crowdTimeout bounds how long they may take: a database that hangs counts as down.
	crowdTimeout = 10 * time.Second
)

// Crowd serves callers that may be thousands at once. Those that come while others are
// being answered are then answered together: commands by HandleAll, and what they ask of
// the log with one statement. Reads of the pages would otherwise queue behind thousands.
type Crowd struct {
	*Handler

	commands together[domain.Order, eventstore.Appended]
	runs     together[uuid.UUID, answer[domain.Run]]
	scrapers together[string, answer[domain.Scraper]]
}

// answer is what one caller is answered.
type answer[A any] struct {
	is  A
	err error
}

// Handle is Handler.Handle. Once begun, a command is not cut short by ctx.
func (c *Crowd) Handle(ctx context.Context, command domain.Command, by domain.Origin) ([]eventstore.Recorded, error) {
	if _, joined := eventstore.TxFrom(ctx); joined {
		return c.Handler.Handle(ctx, command, by)
	}
	answer, err := c.commands.ask(ctx, domain.Order{Command: command, By: by}, c.Handler.HandleAll)
	if err != nil {
		return nil, err
	}
	return answer.Recorded, answer.Err
}

// HandleAll is Handler.HandleAll. The orders come as one crowd: up to maxTogether of them
// are handled together, and none waits for the first.
func (c *Crowd) HandleAll(ctx context.Context, orders []domain.Order) []eventstore.Appended {
	if _, joined := eventstore.TxFrom(ctx); joined {
		return c.Handler.HandleAll(ctx, orders)
	}
	answers := make([]eventstore.Appended, len(orders))
	for i, caller := range c.commands.join(ctx, orders, c.Handler.HandleAll) {
		answer, err := c.commands.await(ctx, caller)
		if err != nil {
			answer.Err = err
		}
		answers[i] = answer
	}
	return answers
}

// Run is Handler.Run.
func (c *Crowd) Run(ctx context.Context, id uuid.UUID) (domain.Run, error) {
	run, err := c.runs.ask(ctx, id, c.readRuns)
	return run.is, errors.Join(err, run.err)
}

// Scraper is that of the log, without the version.
func (c *Crowd) Scraper(ctx context.Context, name string) (domain.Scraper, error) {
	scraper, err := c.scrapers.ask(ctx, name, c.readScrapers)
	return scraper.is, errors.Join(err, scraper.err)
}

func (c *Crowd) readRuns(ctx context.Context, ids []uuid.UUID) []answer[domain.Run] {
	streams := make([]string, len(ids))
	for i, id := range ids {
		streams[i] = domain.RunStream(id)
	}
	found, err := c.Log.ReadStreams(ctx, streams)
	return each(ids, err, func(i int, id uuid.UUID) (domain.Run, error) {
		if err != nil {
			return c.Handler.Run(ctx, id)
		}
		return runOf(found[streams[i]])
	})
}

func (c *Crowd) readScrapers(ctx context.Context, names []string) []answer[domain.Scraper] {
	found, err := c.Log.Scrapers(ctx, names)
	return each(names, err, func(_ int, name string) (domain.Scraper, error) {
		if err != nil {
			scraper, _, err := c.Log.Scraper(ctx, name)
			return scraper, err
		}
		return found[name].Scraper, nil
	})
}

// each answers every question by itself, unless reading for all has failed because the
// database is away.
func each[Q, A any](questions []Q, err error, read func(i int, q Q) (A, error)) []answer[A] {
	answers := make([]answer[A], len(questions))
	for i, q := range questions {
		if errors.Is(err, eventstore.ErrUnavailable) {
			answers[i].err = err
		} else {
			answers[i].is, answers[i].err = read(i, q)
		}
	}
	return answers
}

// together holds the callers that wait for an answer to a question of one kind.
type together[Q, A any] struct {
	mu      sync.Mutex
	waiting []*caller[Q, A]
	busy    bool
}

type caller[Q, A any] struct {
	question Q
	answer   chan A // receives one
}

// ask returns the answer to q that all gives, which answers many questions in their
// order. The error is the cause of ctx, if it ended before all was called.
func (t *together[Q, A]) ask(ctx context.Context, q Q, all func(context.Context, []Q) []A) (answer A, err error) {
	return t.await(ctx, t.join(ctx, []Q{q}, all)[0])
}

// join has questions answered by all, and returns a caller for each.
func (t *together[Q, A]) join(ctx context.Context, questions []Q, all func(context.Context, []Q) []A) []*caller[Q, A] {
	callers := make([]*caller[Q, A], len(questions))
	for i, q := range questions {
		callers[i] = &caller[Q, A]{q, make(chan A, 1)}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = append(t.waiting, callers...)
	if !t.busy {
		t.busy = true
		go t.answer(context.WithoutCancel(ctx), all)
	}
	return callers
}

// await returns the answer to a caller, or the cause of ctx as ask does.
func (t *together[Q, A]) await(ctx context.Context, me *caller[Q, A]) (answer A, err error) {
	select {
	case answer = <-me.answer:
		return answer, nil
	case <-ctx.Done():
	}
	if t.withdraw(me) {
		return answer, context.Cause(ctx)
	}
	return <-me.answer, nil
}

// withdraw reports whether the caller still waited.
func (t *together[Q, A]) withdraw(me *caller[Q, A]) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.waiting, me)
	if i < 0 {
		return false
	}
	t.waiting = slices.Delete(t.waiting, i, i+1)
	return true
}

// answer returns when no caller waits.
func (t *together[Q, A]) answer(ctx context.Context, all func(context.Context, []Q) []A) {
	for {
		callers := t.next()
		if len(callers) == 0 {
			return
		}
		questions := make([]Q, len(callers))
		for i, caller := range callers {
			questions[i] = caller.question
		}
		within, cancel := context.WithTimeout(ctx, crowdTimeout)
		for i, answer := range all(within, questions) {
			callers[i].answer <- answer
		}
		cancel()
	}
}

func (t *together[Q, A]) next() []*caller[Q, A] {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(len(t.waiting), maxTogether)
	callers := slices.Clone(t.waiting[:n])
	t.waiting, t.busy = t.waiting[n:], n > 0
	return callers
}
