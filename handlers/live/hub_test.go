package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"scrapelog/projections"
)

// source is a log in which every position is one changed run.
type source struct {
	mu       sync.Mutex
	position int64
	err      error
	asked    int
	tokens   chan struct{}
}

func newSource() *source { return &source{position: 1, tokens: make(chan struct{}, 1)} }

func (s *source) ChangedSince(_ context.Context, position int64) (projections.Changes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	changes := projections.Changes{State: position == 0, Position: s.position}
	for p := position + 1; p <= s.position && !changes.State; p++ {
		changes.Runs = append(changes.Runs, projections.Run{Position: p})
	}
	return changes, s.err
}

// advance changes n runs and wakes the hub.
func (s *source) advance(n int64) {
	s.mu.Lock()
	s.position += n
	s.mu.Unlock()
	select {
	case s.tokens <- struct{}{}:
	default:
	}
}

func (s *source) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *source) timesAsked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *source) wake() (<-chan struct{}, func()) { return s.tokens, func() {} }

func (s *source) config() Config { return Config{Source: s, Wake: s.wake, Render: render} }

// render makes one message of a state and one of each run.
func render(c projections.Changes) ([]Message, error) {
	if c.State {
		return []Message{{Event: "state", Data: fmt.Append(nil, c.Position)}}, nil
	}
	var messages []Message
	for _, r := range c.Runs {
		messages = append(messages, Message{Event: "run", Data: fmt.Append(nil, r.Position)})
	}
	return messages, nil
}

// run starts the hub and ends it with the test. Inside a synctest bubble that
// also proves that its goroutines return.
func run(t *testing.T, cfg Config) *Hub {
	t.Helper()
	h := New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return h
}

func subscribe(t *testing.T, h *Hub) <-chan Message {
	t.Helper()
	messages, err := h.Subscribe(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

// told is what lies in the channel once everything has settled.
func told(messages <-chan Message) string {
	synctest.Wait()
	var b strings.Builder
	for {
		select {
		case m, open := <-messages:
			if !open {
				return b.String() + "closed"
			}
			fmt.Fprintf(&b, "%s %s; ", m.Event, m.Data)
		default:
			return b.String()
		}
	}
}

func expect(t *testing.T, what string, messages <-chan Message, want string) {
	t.Helper()
	if got := told(messages); got != want {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestTheStateComesFirstThenEachChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource()
		h := run(t, s.config())
		early := subscribe(t, h)
		expect(t, "on subscribing", early, "state 1; ")
		s.advance(2)
		expect(t, "after two changes", early, "run 2; run 3; ")
		late := subscribe(t, h)
		s.advance(1)
		expect(t, "who came early", early, "run 4; ")
		expect(t, "who came late", late, "state 3; run 4; ")
	})
}

func TestAChangeIsRenderedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, rendered := newSource(), 0
		cfg := s.config()
		cfg.Render = func(c projections.Changes) ([]Message, error) { rendered++; return render(c) }
		h := run(t, cfg)
		var streams []<-chan Message
		for range 100 {
			streams = append(streams, subscribe(t, h))
		}
		s.advance(1)
		var first *byte
		for _, stream := range streams {
			synctest.Wait()
			<-stream
			m := <-stream
			if first == nil {
				first = &m.Data[0]
			}
			if first != &m.Data[0] {
				t.Fatal("a reader got a copy of its own")
			}
		}
		if rendered != 2 {
			t.Errorf("rendered %d times, want once for the state and once for the change", rendered)
		}
	})
}

func TestChangesAreFoundWithoutASignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource()
		stream := subscribe(t, run(t, s.config()))
		told(stream)
		s.mu.Lock()
		s.position++
		s.mu.Unlock()
		time.Sleep(time.Second)
		expect(t, "a second later", stream, "run 2; ")
	})
}

func TestABeatComesEveryFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := subscribe(t, run(t, newSource().config()))
		time.Sleep(11 * time.Second)
		expect(t, "after 11 seconds", stream, `state 1; beat {"position":1}; beat {"position":1}; `)
	})
}

func TestABeatBringsWhatStandsInNoEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var instances atomic.Int64
		cfg := newSource().config()
		cfg.Standing = func() (Message, error) {
			if instances.Load() == 0 {
				return Message{}, errors.New("database unavailable")
			}
			return Message{Data: fmt.Append(nil, instances.Load())}, nil
		}
		stream := subscribe(t, run(t, cfg))
		for _, n := range []int64{2, 0, 3} {
			instances.Store(n)
			time.Sleep(Beat)
			synctest.Wait()
		}
		expect(t, "after three beats", stream, `state 1; beat {"position":1};  2; beat {"position":1}; beat {"position":1};  3; `)
	})
}

// What readers must not learn only with the next beat makes the hub beat at once.
func TestAnAlarmIsABeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var alarm atomic.Value
		alarm.Store("")
		cfg := newSource().config()
		cfg.Alarm = func() string { return alarm.Load().(string) }
		cfg.Standing = func() (Message, error) { return Message{Data: []byte(alarm.Load().(string))}, nil }
		stream := subscribe(t, run(t, cfg))
		time.Sleep(1500 * time.Millisecond)
		alarm.Store("away")
		time.Sleep(time.Second)
		expect(t, "a second after it", stream, `state 1; beat {"position":1};  away; `)
		time.Sleep(time.Second)
		expect(t, "while it stands", stream, "")
	})
}

func TestOnlyTheStreamOfASlowReaderIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource()
		h := run(t, s.config())
		slow, quick := subscribe(t, h), subscribe(t, h)
		told(quick)
		for range Backlog + 1 {
			s.advance(1)
			if got := told(quick); !strings.HasPrefix(got, "run ") {
				t.Fatalf("the quick reader was told %q", got)
			}
		}
		// It keeps what it was told before, and then its stream ends.
		got := told(slow)
		if strings.Count(got, "run ") != Backlog || !strings.HasSuffix(got, "closed") {
			t.Errorf("the slow reader got %q, want %d changes and the end", got, Backlog)
		}
		s.advance(1)
		expect(t, "the quick reader", quick, fmt.Sprintf("run %d; ", Backlog+3))
	})
}

func TestManyChangesAtOnceAreSentAsAState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource()
		stream := subscribe(t, run(t, s.config()))
		told(stream)
		s.advance(10_000)
		expect(t, "after a storm", stream, "state 10001; ")
		s.advance(1)
		expect(t, "after it", stream, "run 10002; ")
	})
}

func TestAHubWithoutReadersReadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource()
		h := run(t, s.config())
		ctx, leave := context.WithCancel(t.Context())
		if _, err := h.Subscribe(ctx, ""); err != nil {
			t.Fatal(err)
		}
		leave()
		synctest.Wait()
		before := s.timesAsked()
		s.advance(5)
		time.Sleep(time.Minute)
		synctest.Wait() // a beat is due at the same instant
		if asked := s.timesAsked() - before; asked != 0 {
			t.Errorf("asked %d times for changes that nobody wanted", asked)
		}
		expect(t, "who comes then", subscribe(t, h), "state 6; ")
	})
}

func TestAStreamEndsWithItsContextAndWithTheHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := run(t, newSource().config())
		ctx, leave := context.WithCancel(t.Context())
		left, err := h.Subscribe(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		stayed := subscribe(t, h)
		leave()
		expect(t, "who left", left, "state 1; closed")
		expect(t, "who stayed", stayed, "state 1; ")
		h.Close()
		h.Close()
		expect(t, "who stayed until the end", stayed, "closed")
		if _, err := h.Subscribe(t.Context(), ""); !errors.Is(err, ErrClosed) {
			t.Errorf("subscribing to a closed hub: %v", err)
		}
	})
}

func TestSubscribingWaitsForTheHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(newSource().config())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := h.Subscribe(ctx, ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("subscribing to a hub that never runs: %v", err)
		}
	})
}

func TestAFailingSourceIsLoggedOnceAndSoIsItsReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := newSource()
		cfg := s.config()
		cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		h := run(t, cfg)
		stream := subscribe(t, h)
		told(stream)
		s.fail(errors.New("database down"))
		time.Sleep(6 * time.Second)
		if _, err := h.Subscribe(t.Context(), ""); err == nil {
			t.Error("subscribed without a state to begin from")
		}
		s.fail(nil)
		s.advance(1)
		expect(t, "through it all", stream, `beat {"position":1}; run 2; `)
		if n := strings.Count(log.String(), "database down"); n != 1 {
			t.Errorf("logged %d times:\n%s", n, &log)
		}
		if !strings.Contains(log.String(), "read again") {
			t.Errorf("the return was not logged:\n%s", &log)
		}
	})
}

func TestAHubIsUsedByManyAtOnce(t *testing.T) {
	s := newSource()
	h := run(t, s.config())
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			messages, err := h.Subscribe(ctx, "")
			if err != nil {
				if !errors.Is(err, ErrClosed) {
					t.Errorf("subscribe: %v", err)
				}
				return
			}
			s.advance(1)
			<-messages
			if i == 40 {
				h.Close()
			}
		})
	}
	all.Wait()
}
