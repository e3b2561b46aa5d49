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
	Data  []byte // shared by every reader: not to be changed
}

const (
	// Backlog is how many messages a reader may fall behind before it is let go.
	Backlog = 64
	// Beat is how often a stream says that it is alive. Nobody else notices a
	// half-open one.
	Beat = 5 * time.Second
	// BeatEvent is the name of that message; its data is {"position":N}, how far
	// the hub has come.
	BeatEvent = "beat"

	poll = time.Second // when no signal comes
	// burst is when many changes at once are told as a fresh state: one by one
	// they would put even a quick reader behind.
	burst = Backlog / 2
)

// ErrClosed says that the hub has ended.
var ErrClosed = errors.New("live updates have ended")

// Source is where changes come from: *projections.Queries.
type Source interface {
	ChangedSince(ctx context.Context, position int64) (projections.Changes, error)
}

// Config is what a hub needs; all of it but Watchers and Logger.
type Config struct {
	Source Source
	// Wake yields a token when there may be changes: the store's WakeProgress.
	Wake func() (tokens <-chan struct{}, stop func())
	// Render turns changes into messages, or a state (Changes.State) into what a
	// stream begins with. It is called by one goroutine.
	Render func(projections.Changes) ([]Message, error)
	// Watchers, if set, is told of every subscriber for as long as its stream is open.
	Watchers *Watchers
	Logger   *slog.Logger
}

// Hub passes changes on to whoever has subscribed.
type Hub struct {
	cfg   Config
	joins chan join

	mu      sync.Mutex
	readers map[*reader]struct{}
	closed  chan struct{}

	// Of Run's goroutine alone.
	position int64
	state    []Message // for the next to join; nil: to be rendered
	failing  bool
}

// reader is one open stream. Its channel is closed by whoever takes it out of
// Hub.readers, under Hub.mu.
type reader struct{ messages chan Message }

// take says whether there was room for all of the messages.
func (r *reader) take(messages []Message) bool {
	for _, m := range messages {
		select {
		case r.messages <- m:
		default:
			return false
		}
	}
	return true
}

type join struct{ reply chan<- joined }

type joined struct {
	reader *reader
	err    error
}

// New makes a hub. It passes nothing on until Run.
func New(cfg Config) *Hub {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Hub{cfg: cfg, joins: make(chan join), readers: map[*reader]struct{}{}, closed: make(chan struct{})}
}

// Subscribe opens a stream: the state, then changes and beats. It ends when the
// channel is closed: because ctx is done, the reader fell behind or the hub has
// ended. It waits until the hub runs. An empty watcherID is nobody's.
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
	return got.reader.messages, nil
}

// Close ends every stream and refuses new ones; it may be called again. An HTTP
// server's Shutdown waits for open streams, so this comes before it.
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

// Run passes changes on until ctx is done, and closes the hub then.
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
			h.catchUp(ctx)
		case <-beats.C:
			h.beat()
		case j := <-h.joins:
			j.reply <- h.join(ctx)
		}
	}
}

// join adds a reader that begins with the state. The state may be ahead of what
// the others were told; what the reader is then told again says what the state
// said or something newer.
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

// renderState makes the state for the next to join, unless it stands already.
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

// alone says whether nobody listens. Then nothing is read, and the next state
// says where to go on.
func (h *Hub) alone() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.readers) == 0
}

// catchUp passes on everything that has changed.
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

// note logs when changes stop coming, and when they come again.
func (h *Hub) note(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case err != nil && !h.failing:
		h.failing = true
		h.cfg.Logger.Warn("live updates are not coming", "error", err)
	case err == nil && h.failing:
		h.failing = false
		h.cfg.Logger.Info("live updates are coming again", "position", h.position)
	}
}

func (h *Hub) beat() {
	h.state = nil // what a state says of time, such as the next slot, gets old
	h.send(Message{Event: BeatEvent, Data: fmt.Appendf(nil, `{"position":%d}`, h.position)})
}

// send never waits: a reader whose channel is full is let go.
func (h *Hub) send(messages ...Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for r := range h.readers {
		if !r.take(messages) {
			h.drop(r)
		}
	}
}

func (h *Hub) remove(r *reader) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := h.readers[r]; there {
		h.drop(r)
	}
}

// drop ends a stream. The caller holds h.mu.
func (h *Hub) drop(r *reader) {
	delete(h.readers, r)
	close(r.messages)
}
