package checkpoint

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/egress"
)

const (
	timeout    = 10 * time.Second // of one attempt
	lastTry    = 2 * time.Second  // for the last checkpoint of a process that stops
	backoff    = time.Second      // after the first failure, doubled
	maxBackoff = 30 * time.Second
)

// Sender sends the checkpoints that this process signs: each one, until it is taken or a
// newer one takes its place. The exported fields are required.
type Sender struct {
	Config Config
	Log    *eventstore.Store // the newest checkpoint is sent at start: it may not have been before
	Rules  func() egress.Rules
	Client *http.Client // for the webhook: an answer that is not 2xx is an error, and redirects are not followed
	Logger *slog.Logger

	signed eventstore.Signal

	mu     sync.Mutex
	latest message
	failed map[string]string // by target: why it does not take the latest
}

// message is a checkpoint as it is sent.
type message struct {
	Origin     string    `json:"origin"`
	Size       int64     `json:"size"`
	Root       tlog.Hash `json:"root"`
	SealedAt   time.Time `json:"sealed_at,omitzero"`
	Checkpoint string    `json:"checkpoint"` // the signed note
}

func messageOf(c proof.Checkpoint, note string) message {
	return message{c.Origin, c.Size, c.Root, c.SealedAt, note}
}

func (m message) json() []byte {
	text, _ := json.Marshal(m) // it is made of texts and numbers
	return text
}

// Signed notes the checkpoint that is to be sent next. It does not wait.
func (s *Sender) Signed(c proof.Checkpoint, note string) {
	s.mu.Lock()
	s.latest = messageOf(c, note)
	s.mu.Unlock()
	s.signed.Fire()
}

// Warnings returns a sentence for each target that does not take the checkpoints.
func (s *Sender) Warnings() (warnings []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, target := range slices.Sorted(maps.Keys(s.failed)) {
		warnings = append(warnings, "the "+target+" of audit.forward takes no checkpoints: "+s.failed[target])
	}
	return warnings
}

// target sends one checkpoint.
type target struct {
	name string
	send func(ctx context.Context, m message) error
}

func (s *Sender) targets() (all []target) {
	if network, address, _ := s.Config.syslog(); network != "" {
		all = append(all, target{"syslog", syslog{network: network, address: address, dialer: egress.Dialer{Rules: s.Rules}}.send})
	}
	if s.Config.WebhookEnv != "" {
		all = append(all, target{"webhook", webhook{s.Config, s.Client}.send})
	}
	return all
}

// Run sends until ctx ends, and the last checkpoint then: end it after the sealer.
func (s *Sender) Run(ctx context.Context) error {
	targets := s.targets()
	if len(targets) == 0 {
		return nil
	}
	if c, note, err := proof.Newest(ctx, s.Log); err == nil && note != "" {
		s.mu.Lock()
		if s.latest.Size < c.Size {
			s.latest = messageOf(c, note)
		}
		s.mu.Unlock()
	}
	var group errgroup.Group
	for _, t := range targets {
		group.Go(func() error { s.follow(ctx, t); return nil })
	}
	return group.Wait()
}

// follow sends to one target. None waits for another.
func (s *Sender) follow(ctx context.Context, t target) {
	signed, stop := s.signed.Subscribe()
	defer stop()
	var taken message
	for failures := 0; ; {
		if err := s.sendLatest(ctx, t, &taken, timeout); err != nil {
			failures++
			eventstore.Pause(ctx, min(backoff<<min(failures-1, 10), maxBackoff))
		} else {
			failures = 0
			select {
			case <-signed:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			_ = s.sendLatest(context.WithoutCancel(ctx), t, &taken, lastTry) // it is logged
			return
		}
	}
}

// sendLatest sends the newest checkpoint, unless it was taken. It logs the first of several
// failures, and their end.
func (s *Sender) sendLatest(ctx context.Context, t target, taken *message, within time.Duration) error {
	s.mu.Lock()
	m := s.latest
	s.mu.Unlock()
	if m == *taken {
		return nil
	}
	attempt, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := t.send(attempt, m)
	if err != nil && ctx.Err() != nil {
		return err // our own stop: it is tried once more
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, failing := s.failed[t.name]
	switch {
	case err != nil:
		if s.failed == nil {
			s.failed = map[string]string{}
		}
		s.failed[t.name] = err.Error()
		if !failing {
			s.Logger.WarnContext(ctx, "a checkpoint could not be sent away, retrying", "target", t.name, "position", m.Size, "error", err)
		}
		return err
	case failing:
		delete(s.failed, t.name)
		s.Logger.InfoContext(ctx, "checkpoints are sent away again", "target", t.name, "position", m.Size)
	}
	*taken = m
	return nil
}
