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

	"scrapelog/eventstore"
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
	laneOf := func(channel string) *lane { // a channel may come while the service runs
		l := lanes[channel]
		if l == nil {
			l = &lane{Sender: s, channel: channel, due: make(chan struct{}, 1)}
			lanes[channel] = l
			group.Go(func() error { l.run(ctx); return nil })
		}
		return l
	}
	group.Go(func() error { s.look(ctx, laneOf); return nil })
	return group.Wait()
}

// look tells the lanes which channels have notices that are due.
func (s *Sender) look(ctx context.Context, laneOf func(channel string) *lane) {
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
			if s.Channels.inForce().receivers[channel] != nil {
				laneOf(channel).signal()
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
	if err == nil {
		err = s.abandon(ctx, now.Add(-abandonAfter))
	}
	if err != nil && ctx.Err() == nil {
		s.Logger.Debug("cannot keep the outbox in order, retrying", "error", err)
	}
}

// abandonAfter is how long a notice is due before it is given up because its channel has
// left the configuration: another instance may have a file that names the channel.
const abandonAfter = time.Minute

// abandon gives up the notices that were due at an instant and whose channels are not in
// the configuration.
func (s *Sender) abandon(ctx context.Context, due time.Time) error {
	channels, err := s.Outbox.Due(ctx, due)
	if err != nil {
		return err
	}
	for _, channel := range channels {
		for s.Channels.inForce().receivers[channel] == nil {
			n, ok, err := s.Outbox.Claim(ctx, channel, s.Instance, due)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			n.Attempts, n.State, n.LastError = n.Attempts-1, outbox.StateGivenUp, "the channel has left the configuration"
			if err := s.Outbox.Settle(ctx, n, s.Instance); err != nil {
				return err
			}
			s.say(n, nil)
			s.Channels.count(n, nil)
		}
	}
	return nil
}

// lane sends the notices of one channel, a few at the same time.
type lane struct {
	*Sender
	channel string
	due     chan struct{}
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
	to, err := l.Channels.inForce().receivers[l.channel], error(nil)
	if to != nil {
		err = to.send(trying, n)
	}
	if to == nil || err != nil && ctx.Err() != nil { // the channel has left, and our own stop, are no attempts
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
		if !eventstore.Pause(ctx, poll) {
			l.Logger.Warn("cannot record how a notice was sent, it is sent again", "channel", n.Channel, "notice", n.ID, "error", err)
			return
		}
	}
}

// say logs what an operator wants to know: the first failure of a notice and its last.
func (s *Sender) say(n outbox.Notice, err error) {
	switch {
	case n.State == outbox.StateGivenUp:
		s.Logger.Error("notice given up", "channel", n.Channel, "notice", n.ID, "type", n.Type, "attempts", n.Attempts, "error", n.LastError)
	case err != nil && n.Attempts == 1:
		s.Logger.Warn("notice not delivered, retrying", "channel", n.Channel, "notice", n.ID, "type", n.Type, "error", n.LastError)
	case err == nil:
		s.Logger.Debug("notice sent", "channel", n.Channel, "notice", n.ID, "type", n.Type, "attempts", n.Attempts)
	}
}

// receiver is where the notices of a channel go.
type receiver interface {
	check() error // that the environment has what it needs
	send(ctx context.Context, n outbox.Notice) error
}

// Channels are the channels of the configuration with their receivers.
type Channels struct {
	Client  *http.Client // connects only where the egress rules allow it, and follows no redirect
	open    func(Config) (map[string]receiver, error)
	current atomic.Pointer[channels]
	results sync.Map // of the attempts: result to *atomic.Int64
}

// channels are those of one configuration.
type channels struct {
	Config
	receivers map[string]receiver
	since     map[string]int64 // by channel: it is told of what comes after
}

// inForce returns the channels of the configuration that was read last.
func (c *Channels) inForce() *channels {
	if now := c.current.Load(); now != nil {
		return now
	}
	return &channels{}
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
	for _, channel := range c.inForce().To {
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
	to := c.inForce().To
	i := slices.IndexFunc(to, func(channel Channel) bool { return channel.Name == name })
	if i < 0 {
		return Channel{}, false
	}
	return to[i], true
}
