package notify

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"scrapelog/eventstore/outbox"
)

const (
	poll      = time.Second     // between two looks at the outbox when nothing wakes the sender
	housekeep = 5 * time.Second // between two looks for the notices of dead instances
	atOnce    = 4               // attempts of one channel at the same time
)

// Sender sends the notices of the outbox. Any number of instances may do so at the
// same time. The exported fields are required.
type Sender struct {
	Outbox   *outbox.Outbox
	Instance string
	Channels *Channels
	Wake     func() (ch <-chan struct{}, stop func()) // yields a token when notices may have been added
	Logger   *slog.Logger
}

// Run sends until ctx ends.
func (s *Sender) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	lanes := map[string]*lane{}
	for name, receiver := range s.Channels.receivers {
		l := &lane{Sender: s, channel: name, receiver: receiver, due: make(chan struct{}, 1)}
		lanes[name] = l
		group.Go(func() error { l.run(ctx); return nil })
	}
	group.Go(func() error { s.look(ctx, lanes); return nil })
	return group.Wait()
}

// look tells the lanes which channels have notices that are due.
func (s *Sender) look(ctx context.Context, lanes map[string]*lane) {
	wake, stop := s.Wake()
	defer stop()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	var kept time.Time
	for {
		if now := time.Now(); now.Sub(kept) >= housekeep {
			kept = now
			s.houseKeep(ctx, now)
		}
		due, err := s.Outbox.Due(ctx, time.Now())
		if err != nil && ctx.Err() == nil {
			s.Logger.Debug("cannot read the outbox, retrying", "error", err)
		}
		for _, channel := range due {
			if l := lanes[channel]; l != nil {
				l.signal()
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-wake:
		}
	}
}

func (s *Sender) houseKeep(ctx context.Context, now time.Time) {
	err := s.Outbox.Unclaim(ctx, now)
	if err == nil {
		err = s.Outbox.Forget(ctx, now)
	}
	if err != nil && ctx.Err() == nil {
		s.Logger.Debug("cannot keep the outbox in order, retrying", "error", err)
	}
}

// lane sends the notices of one channel, a few at the same time.
type lane struct {
	*Sender
	channel  string
	receiver receiver
	due      chan struct{}
}

func (l *lane) signal() {
	select {
	case l.due <- struct{}{}:
	default:
	}
}

func (l *lane) run(ctx context.Context) {
	var sending sync.WaitGroup
	defer sending.Wait()
	free := make(chan struct{}, atOnce)
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.due:
		}
		for {
			select {
			case <-ctx.Done():
				return
			case free <- struct{}{}:
			}
			notice, ok, err := l.Outbox.Claim(ctx, l.channel, l.Instance, time.Now())
			if err != nil && ctx.Err() == nil {
				l.Logger.Warn("cannot claim a notice, retrying", "channel", l.channel, "error", err)
			}
			if !ok {
				<-free
				break
			}
			sending.Go(func() {
				l.attempt(ctx, notice)
				<-free
				l.signal() // the next of its subject may be due
			})
		}
	}
}

// attempt sends a notice once and records how that ended.
func (l *lane) attempt(ctx context.Context, n outbox.Notice) {
	trying, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := l.receiver.send(trying, n)
	if err != nil && ctx.Err() != nil { // our own stop is no attempt
		n.Attempts, n.NextAttempt = n.Attempts-1, time.Now()
	} else {
		n = settled(n, err, time.Now())
		l.say(n, err)
		l.Channels.count(n, err)
	}
	l.settle(context.WithoutCancel(ctx), n)
}

// settle records an attempt while the claim lasts. A notice that was sent and not
// recorded is sent once more.
func (l *lane) settle(ctx context.Context, n outbox.Notice) {
	ctx, cancel := context.WithTimeout(ctx, outbox.Lease/2)
	defer cancel()
	for {
		err := l.Outbox.Settle(ctx, n, l.Instance)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			l.Logger.Warn("cannot record how a notice was sent, it is sent again", "channel", n.Channel, "notice", n.ID, "error", err)
			return
		case <-time.After(poll):
		}
	}
}

// say logs what an operator wants to know: the first failure of a notice and its last.
func (l *lane) say(n outbox.Notice, err error) {
	switch {
	case n.State == outbox.StateGivenUp:
		l.Logger.Error("notice given up", "channel", n.Channel, "notice", n.ID, "type", n.Type, "attempts", n.Attempts, "error", n.LastError)
	case err != nil && n.Attempts == 1:
		l.Logger.Warn("notice not delivered, retrying", "channel", n.Channel, "notice", n.ID, "type", n.Type, "error", n.LastError)
	case err == nil:
		l.Logger.Debug("notice sent", "channel", n.Channel, "notice", n.ID, "type", n.Type, "attempts", n.Attempts)
	}
}

// receiver is where the notices of a channel go.
type receiver interface {
	check() error // that the environment has what it needs
	send(ctx context.Context, n outbox.Notice) error
}

// Channels are the channels of the configuration with their receivers.
type Channels struct {
	Config
	Client    *http.Client // connects only where the egress rules allow it, and follows no redirect
	receivers map[string]receiver
	results   sync.Map // of the attempts: result to *atomic.Int64
}

// result is how an attempt in a channel ended.
type result struct{ channel, outcome string }

func (c *Channels) count(n outbox.Notice, err error) {
	outcome := "sent"
	switch {
	case n.State == outbox.StateGivenUp:
		outcome = "given_up"
	case err != nil:
		outcome = "failed"
	}
	counter, _ := c.results.LoadOrStore(result{n.Channel, outcome}, new(atomic.Int64))
	counter.(*atomic.Int64).Add(1)
}

// Results calls yield with the number of attempts of each channel that ended in each
// way: sent, failed or given_up.
func (c *Channels) Results(yield func(channel, outcome string, n int64)) {
	for _, channel := range c.To {
		for _, outcome := range []string{"sent", "failed", "given_up"} {
			var n int64
			if counter, ok := c.results.Load(result{channel.Name, outcome}); ok {
				n = counter.(*atomic.Int64).Load()
			}
			yield(channel.Name, outcome, n)
		}
	}
}

// named returns the channel of a name.
func (c *Channels) named(name string) (Channel, bool) {
	i := slices.IndexFunc(c.To, func(channel Channel) bool { return channel.Name == name })
	if i < 0 {
		return Channel{}, false
	}
	return c.To[i], true
}
