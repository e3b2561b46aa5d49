package webtest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/credentials"
	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/instances"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/access"
	"scrapelog/handlers/live"
	"scrapelog/handlers/web"
	"scrapelog/projections"
	"scrapelog/projections/replay"
)

// Service answers the pages from canned data, and notes what it was asked to do.
type Service struct {
	Rows     []projections.Run
	Named    []projections.Scraper
	Recorded []eventstore.Recorded
	Gone     string       // why the database is away
	Misread  string       // why the configuration file is refused
	Blocked  string       // why the projection "runs" is blocked
	Failed   feed.Failure // the last time that it could not go on
	Err      error        // what every query fails with
	Refusal  error        // what every command is refused with
	Behind   error        // what waiting for the read models ends with
	Messages chan live.Message
	Verdict  proof.Result      // what a verification finds
	Replayed replay.Comparison // what a replay finds
	Sealing  proof.State

	Witnesses []proof.WitnessState
	Told      Notices
	Hold      chan struct{} // rebuilds and verifications wait for it to be closed
	Accounts  Accounts
	As        access.Principal // who looks at the pages of a story; the zero value: there are no users
	OpenTo    string           // the address that other machines reach; set before Handler

	pressed, says string // the button a story begins with, and what its page says then

	story  sync.RWMutex // over Rows and Recorded, once pages are served: see Change
	mu     sync.Mutex
	asked  []domain.Command
	probed []string
	by     domain.Origin
	found  findings
}

// New is a service with the canned story in it.
func New() *Service {
	return &Service{
		Rows: Runs(), Named: Scrapers(), Recorded: Log(), Messages: make(chan live.Message, 8),
		Told:     told(),
		Accounts: Accounts{People: []credentials.User{Ada, Grace, Olga, Vera}},
		Sealing:  proof.State{Sealed: Head - 1, SealedAt: ago(time.Second)},
		Replayed: equal(),
		Verdict: proof.Result{Verdict: proof.Intact, Head: Head, Sealed: Head - 1, Checkpoints: 41, Outside: proof.OutsidePresent,
			File: "/var/lib/scrapelog/checkpoints", Says: fmt.Sprintf("The log is intact: all %d events are as they were signed; the last event is not signed yet.", Head-1)},
	}
}

// Empty is a service to which nothing has happened.
func Empty() *Service { return &Service{Messages: make(chan live.Message, 8)} }

// Change changes the story while its pages are served.
func (s *Service) Change(change func()) {
	s.story.Lock()
	defer s.story.Unlock()
	change()
}

// Handler makes the pages of this service.
func (s *Service) Handler(subscriber web.Subscriber, now func() time.Time) *web.Handler {
	return web.New(s.Config(subscriber, now))
}

// Config is what the pages of this service are made with.
func (s *Service) Config(subscriber web.Subscriber, now func() time.Time) web.Config {
	return web.Config{
		Queries: s, Events: s, Live: subscriber, Groups: s.Groups, Instances: s.Instances, Handle: s.Handle,
		File:    "/etc/scrapelog/scrapelog.yaml",
		Away:    s.Away,
		Refused: s.Refused,
		WaitFor: func(context.Context, string, int64) error { return s.Behind },
		Heard: func(id uuid.UUID) (time.Time, bool) {
			return ago(2 * time.Second), id == Open
		},
		Waiting: func(scraper string) (string, bool) {
			return "waits for the scraper to answer, probing every 1 s (probe: dial tcp 127.0.0.1:9090: connect: connection refused)", scraper == "reviews"
		},
		ProbeNow: s.probeNow,
		YAML: func(c domain.ScraperConfig) (string, error) {
			asJSON, err := json.Marshal(c)
			if err != nil {
				return "", err
			}
			text, err := yaml.JSONToYAML(asJSON)
			return string(text), err
		},
		Rebuild: func(ctx context.Context, _ string, progress func(done, head int64)) error {
			return s.work(ctx, progress)
		},
		Audit: web.Audit{
			Witnesses: func() []proof.WitnessState { return s.Witnesses },
			State:     func() proof.State { return s.Sealing },
			Verify: func(ctx context.Context, progress func(done, all int64)) (proof.Result, error) {
				return s.Verdict, s.work(ctx, progress)
			},
			Replay: func(ctx context.Context, progress func(done, all int64)) (replay.Comparison, error) {
				return s.Replayed, s.work(ctx, progress)
			},
			Recent: s.Recent,
			Prove:  s.Prove,
		},
		Findings: &s.found,
		Notices:  s.Told,
		OpenTo:   s.OpenTo,
		Access:   &s.Accounts,
		Logger:   slog.New(slog.DiscardHandler), Now: now,
	}
}

// Away returns since when the database is away in the story.
func (s *Service) Away() (time.Time, string) { return since(s.Gone), s.Gone }

// Refused returns since when the configuration file is refused in the story.
func (s *Service) Refused() (time.Time, string) { return since(s.Misread), s.Misread }

// Sealed returns how far the log is sealed.
func (s *Service) Sealed() proof.State { return s.Sealing }

// since is when what is wrong began.
func since(wrong string) time.Time {
	if wrong == "" {
		return time.Time{}
	}
	return ago(2 * time.Minute)
}

// work is half done until Hold is closed.
func (s *Service) work(ctx context.Context, progress func(done, all int64)) error {
	head := int64(len(s.Recorded))
	progress(head/2, head)
	if s.Hold != nil {
		select {
		case <-s.Hold:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	progress(head, head)
	return s.Refusal
}

// Prove proves what is sealed.
func (s *Service) Prove(_ context.Context, position int64) (proof.Proof, error) {
	if position > s.Sealing.Sealed {
		return proof.Proof{}, fmt.Errorf("event %d is not sealed yet: %w", position, domain.ErrConflict)
	}
	return prove(s.Recorded, s.Sealing.Sealed, position)
}

// Recent signs every tenth event.
func (s *Service) Recent(_ context.Context, limit int) ([]proof.Sealed, error) {
	var recent []proof.Sealed
	for size := s.Sealing.Sealed; size > 0 && len(recent) < min(limit, 3); size -= 10 {
		p, err := prove(s.Recorded, size, size)
		if err != nil {
			return nil, err
		}
		c, err := p.Check()
		if err != nil {
			return nil, err
		}
		recent = append(recent, proof.Sealed{Checkpoint: c, At: s.Recorded[size-1].RecordedAt.Add(time.Second), Note: p.Checkpoint})
	}
	return recent, s.Err
}

// Subscribe passes on the Messages until ctx is done.
func (s *Service) Subscribe(ctx context.Context, _ string) (<-chan live.Message, error) {
	messages := make(chan live.Message)
	go func() {
		defer close(messages)
		for {
			select {
			case <-ctx.Done():
				return
			case m, more := <-s.Messages:
				if !more {
					return
				}
				select {
				case messages <- m:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return messages, s.Err
}

// Handle notes the command and answers with a run of the story.
func (s *Service) Handle(_ context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if start, ok := c.(domain.StartScrape); ok { // what the domain refuses before it looks at the scraper
		if err := domain.CheckParams(start.Params); err != nil {
			return nil, err
		}
		if err := domain.CheckWatcher("attach", start.Watcher); err != nil && start.Watcher != "" {
			return nil, err
		}
	}
	s.asked, s.by = append(s.asked, c), by
	if s.Refusal != nil {
		return nil, s.Refusal
	}
	for _, rec := range s.Recorded {
		if rec.Stream == domain.RunStream(Open) {
			return []eventstore.Recorded{rec}, nil
		}
	}
	return nil, nil
}

// Asked is what Handle was asked so far, and by whom last.
func (s *Service) Asked() ([]domain.Command, domain.Origin) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked), s.by
}

func (s *Service) probeNow(scraper string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.probed = append(s.probed, scraper)
}

// Probed are the scrapers that were to be probed at once.
func (s *Service) Probed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.probed)
}

// Instances says that one process serves, and follows a run.
func (s *Service) Instances(context.Context, int) ([]instances.Holding, error) {
	const id = "01990000-0000-7000-8000-0000000000aa"
	row := instances.Row{ID: id, StartedAt: ago(time.Hour), LastBeat: ago(time.Second), OpenRuns: 2}
	return []instances.Holding{{Row: row, Runs: []instances.HeldRun{{Scraper: "shop-prices", Run: uuid.MustParse(id)}}}}, s.Err
}

// Groups says that all is well, or what is blocked.
func (s *Service) Groups(context.Context) ([]feed.Group, error) {
	s.story.RLock()
	defer s.story.RUnlock()
	head, lag := int64(len(s.Recorded)), int64(0)
	if s.Blocked != "" {
		lag = 3
	}
	return []feed.Group{
		{Name: "rescrape", Position: head}, {Name: "runs", Position: head - lag, Lag: lag, Behind: time.Minute, BlockedBy: s.Blocked, Failed: s.Failed}, {Name: "scrapers", Position: head},
	}, s.Err
}
