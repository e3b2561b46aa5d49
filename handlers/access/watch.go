package access

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/problem"
)

const (
	// askEvery is how often open streams ask whether their principals may go on.
	askEvery = 2 * time.Second
	// lookEvery is the least time between two looks at users when events come in.
	lookEvery = 100 * time.Millisecond
	// compareEvery is how often the tables are compared with the log.
	compareEvery = time.Minute
	forgetEvery  = time.Hour
)

// Run follows the changes of users, ends the streams of those who may no longer, and
// compares the tables with the log each minute.
func (a *Access) Run(ctx context.Context) error {
	woken, stop := a.Wake()
	defer stop()
	ask, compare, forget := time.NewTicker(askEvery), time.NewTicker(compareEvery), time.NewTicker(forgetEvery)
	defer ask.Stop()
	defer compare.Stop()
	defer forget.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-woken:
			err = a.look(ctx)
			eventstore.Pause(ctx, lookEvery) // a storm of events is no storm of looks
		case <-ask.C:
			a.proven.Clear()
			err = errors.Join(a.look(ctx), a.streams.ask(ctx, a.StillAllowed))
		case <-compare.C:
			a.failures.tell(a.Logger)
			err = a.Compare(ctx)
		case <-forget.C:
			err = a.Credentials.Forget(ctx)
		}
		if err != nil && ctx.Err() == nil {
			a.Logger.Debug("users not read", "error", err) // the database's absence is told elsewhere
		}
	}
}

// look reads the names of users and tokens, and with them whether there are users.
func (a *Access) look(ctx context.Context) error {
	names, err := a.Credentials.Names(ctx)
	if err != nil {
		return err
	}
	a.users.Store(len(names) > 0)
	a.names.Store(&names)
	return nil
}

// NameOf returns the name of an actor for people, "ada" or "ada (token ci)"; the actor
// itself if it has none, or no more: a user who was removed is a pseudonym.
func (a *Access) NameOf(actor string) string {
	if a == nil {
		return actor
	}
	return cmp.Or((*a.names.Load())[actor], actor)
}

// Compare locks the users whose rows give more than the log does.
func (a *Access) Compare(ctx context.Context) error {
	a.comparing.Lock()
	defer a.comparing.Unlock()
	raised, err := a.Credentials.Raised(ctx)
	if err != nil {
		return err
	}
	locked := map[uuid.UUID]string{}
	for _, r := range raised {
		locked[r.User] = r.Says
		if !a.said[r.Says] {
			a.Logger.Error("user locked: the table gives more than the log", "user", r.User, "detail", r.Says)
		}
	}
	a.said = map[string]bool{}
	for _, says := range locked {
		a.said[says] = true
	}
	a.locked.Store(&locked)
	return nil
}

// Locked says why a user is locked out; empty: they are not.
func (a *Access) Locked(user uuid.UUID) string { return (*a.locked.Load())[user] }

// Troubles says of each locked user why.
func (a *Access) Troubles() []string { return slices.Sorted(maps.Values(*a.locked.Load())) }

// refused reports whether an error is an answer, and not a fault of the database.
func refused(err error) bool {
	_, document := errors.AsType[*problem.Document](err)
	return document || errors.Is(err, domain.ErrNotFound)
}

// streams are the open streams by their principals.
type streams struct {
	mu   sync.Mutex
	next int
	open map[Principal]map[int]context.CancelFunc
}

// enter returns the context of a stream, which ends when its principal may no longer.
func (s *streams) enter(ctx context.Context, p Principal) (_ context.Context, leave func()) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[Principal]map[int]context.CancelFunc{}
	}
	if s.open[p] == nil {
		s.open[p] = map[int]context.CancelFunc{}
	}
	id := s.next
	s.next++
	s.open[p][id] = cancel
	return ctx, func() {
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		if delete(s.open[p], id); len(s.open[p]) == 0 {
			delete(s.open, p)
		}
	}
}

// ask ends the streams of the principals who may no longer. Each is asked for once,
// however many streams it has. While the database is away no stream ends.
func (s *streams) ask(ctx context.Context, allowed func(context.Context, Principal) (bool, error)) error {
	s.mu.Lock()
	principals := slices.Collect(maps.Keys(s.open))
	s.mu.Unlock()
	for _, p := range principals {
		may, err := allowed(ctx, p)
		if err != nil {
			return err
		}
		if !may {
			s.end(p)
		}
	}
	return nil
}

func (s *streams) end(p Principal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cancel := range s.open[p] {
		cancel()
	}
}

// minutes remembers who did something within the last minute.
type minutes struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// take reports whether the last time is a minute ago, and remembers this one.
func (m *minutes) take(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(m.last, func(_ string, at time.Time) bool { return now.Sub(at) >= time.Minute })
	if _, soon := m.last[key]; soon {
		return false
	}
	if m.last == nil {
		m.last = map[string]time.Time{}
	}
	m.last[key] = now
	return true
}
