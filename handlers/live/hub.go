package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"scrapelog/projections"
)

// Message is one server-sent event.
type Message struct {
	Event string
	Data  []byte // shared by all readers; must not be changed
}

const (
	// Backlog is how many messages a reader may fall behind before its stream is closed.
	Backlog = 64
	// Beat is the interval of beats. Without them neither side notices a half-open
	// stream.
	Beat = 5 * time.Second
	// BeatEvent is the name of a beat; its data is {"position":N}, the position up to
	// which the hub has sent changes.
	BeatEvent = "beat"

	poll = time.Second // interval of reading when no signal comes
	// burst is the number of changes from which the hub sends a new state instead:
	// so many messages would put even a quick reader behind.
	burst = Backlog / 2
)

// ErrClosed is the error of Subscribe after the hub has ended.
var ErrClosed = errors.New("live updates have ended")

// Source provides changes; *projections.Queries does.
type Source interface {
	ChangedSince(ctx context.Context, position int64) (projections.Changes, error)
}

// Config configures a hub. Standing, Alarm, Watchers, Arrived and Logger are optional.
type Config struct {
	Source Source
	// Wake returns a channel that has a token when there may be changes: the store's
	// WakeProgress.
	Wake func() (tokens <-chan struct{}, stop func())
	// Render turns changes into messages, or a state (Changes.State) into the messages
	// that a stream begins with. It is called by one goroutine.
	Render func(projections.Changes) ([]Message, error)
	// Standing returns the message about what is in no event of the log, such as how many
	// instances there are. It is sent with each beat.
	Standing func() (Message, error)
	// Alarm, if set, returns what readers are told before the next beat is due: a change of
	// its answer makes the hub beat at once.
	Alarm func() string
	// Watchers, if set, records every subscriber for as long as its stream is open.
	Watchers *Watchers
	// Arrived, if set, is called with the id of each watcher whose stream was opened.
	Arrived func(watcherID string)
	Logger  *slog.Logger
}

// Hub sends changes to its subscribers.
type Hub struct {
	cfg   Config
	joins chan join

	mu      sync.Mutex
	readers map[*reader]struct{}
	closed  chan struct{}

	// Used by Run's goroutine only.
	position int64
	state    []Message // for the next reader; nil: not rendered yet
	failing  bool
	alarm    string
}

// New returns a hub, which sends nothing until Run is called.
func New(cfg Config) *Hub {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Hub{cfg: cfg, joins: make(chan join), readers: map[*reader]struct{}{}, closed: make(chan struct{})}
}

// Subscribe opens a stream: the state, then changes and beats. The hub closes the
// channel when ctx is done, when the reader falls behind and when the hub ends.
// Subscribe waits until the hub runs. watcherID is empty if the stream is not that of a
// watcher.
func (h *Hub) Subscribe(ctx context.Context, watcherID string) (<-chan Message, error) {
	reply := make(chan joined, 1)
	select {
	case h.joins <- join{reply}:
	case <-h.closed:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	got := <-reply
	if got.err != nil {
		return nil, got.err
	}
	leave := func() {}
	if h.cfg.Watchers != nil && watcherID != "" {
		leave = h.cfg.Watchers.Enter(watcherID)
	}
	context.AfterFunc(ctx, func() {
		h.remove(got.reader)
		leave()
	})
	if h.cfg.Arrived != nil && watcherID != "" {
		h.cfg.Arrived(watcherID)
	}
	return got.reader.messages, nil
}

// Close ends every stream and refuses new ones; it may be called again. Call it before
// an HTTP server's Shutdown, which waits for open streams.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.closed:
		return
	default:
	}
	close(h.closed)
	for r := range h.readers {
		h.drop(r)
	}
}

// Run sends changes until ctx is done, and then closes the hub.
func (h *Hub) Run(ctx context.Context) error {
	defer h.Close()
	wake, stop := h.cfg.Wake()
	defer stop()
	polls, beats := time.NewTicker(poll), time.NewTicker(Beat)
	defer polls.Stop()
	defer beats.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
			h.catchUp(ctx)
		case <-polls.C:
			if h.alarmed() {
				h.beat()
			}
			h.catchUp(ctx)
		case <-beats.C:
			h.beat()
		case j := <-h.joins:
			j.reply <- h.join(ctx)
		}
	}
}

// join adds a reader, which begins with the state. The state may be newer than the
// changes sent so far; the reader then gets some changes again, each with what the
// state said or something newer.
func (h *Hub) join(ctx context.Context) joined {
	if err := h.renderState(ctx); err != nil {
		return joined{err: err}
	}
	r := &reader{messages: make(chan Message, len(h.state)+Backlog)}
	for _, m := range h.state {
		r.messages <- m
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.closed:
		return joined{err: ErrClosed}
	default:
	}
	h.readers[r] = struct{}{}
	return joined{reader: r}
}

// renderState renders the state for the next reader, unless that is done already.
func (h *Hub) renderState(ctx context.Context) error {
	if h.state != nil {
		return nil
	}
	changes, err := h.cfg.Source.ChangedSince(ctx, 0)
	if err != nil {
		return fmt.Errorf("state for live updates: %w", err)
	}
	state, err := h.cfg.Render(changes)
	if err != nil {
		return fmt.Errorf("render the state for live updates: %w", err)
	}
	h.state = state
	if h.alone() {
		h.position = changes.Position
	}
	return nil
}

// catchUp sends all changes since the last ones.
func (h *Hub) catchUp(ctx context.Context) {
	if h.alone() {
		h.state = nil
		return
	}
	for {
		moved, err := h.step(ctx)
		h.note(ctx, err)
		if err != nil || !moved {
			return
		}
	}
}

func (h *Hub) step(ctx context.Context) (moved bool, err error) {
	changes, err := h.cfg.Source.ChangedSince(ctx, h.position)
	if err != nil || changes.Position <= h.position {
		return false, err
	}
	h.state = nil
	messages, err := h.cfg.Render(changes)
	if err != nil {
		return false, err
	}
	if len(messages) > burst {
		if err := h.renderState(ctx); err != nil {
			return false, err
		}
		messages = h.state
	}
	h.position = changes.Position
	h.send(messages...)
	return true, nil
}

// note logs when reading changes begins to fail, and when it works again.
func (h *Hub) note(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case err != nil && !h.failing:
		h.failing = true
		h.cfg.Logger.Warn("live updates not read, retrying", "error", err)
	case err == nil && h.failing:
		h.failing = false
		h.cfg.Logger.Info("live updates read again", "position", h.position)
	}
}

// alarmed reports whether the alarm has changed.
func (h *Hub) alarmed() bool {
	if h.cfg.Alarm == nil {
		return false
	}
	before := h.alarm
	h.alarm = h.cfg.Alarm()
	return h.alarm != before
}

func (h *Hub) beat() {
	h.state = nil // the state contains times, such as the next slot, that become old
	messages := []Message{{Event: BeatEvent, Data: fmt.Appendf(nil, `{"position":%d}`, h.position)}}
	if h.cfg.Standing != nil {
		if standing, err := h.cfg.Standing(); err == nil {
			messages = append(messages, standing)
		}
	}
	h.send(messages...)
}

// send buffers messages for all readers. It never waits: it ends the stream of a
// reader whose buffer is full.
func (h *Hub) send(messages ...Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for r := range h.readers {
		if !r.take(messages) {
			h.drop(r)
		}
	}
}
