package notify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"sync/atomic"

	"scrapelog/handlers/egress"
)

// Open makes the receivers of the configured channels, which connect only where rules
// allows it. The error names the environment variables that are missing or wrong.
func Open(config Config, rules func() egress.Rules) (*Channels, error) {
	t := newTransport(rules)
	client := &http.Client{Transport: t, Timeout: timeout}
	c := &Channels{Client: client, open: func(config Config) (map[string]receiver, error) {
		receivers := map[string]receiver{}
		var errs []error
		for i, channel := range config.To {
			var r receiver = webhook{channel, client}
			if channel.ShoutrrrEnv != "" {
				confineDefaults(t)
				r = shout{channel, client, t, rules, new(atomic.Int64)}
			}
			if err := r.check(); err != nil {
				errs = append(errs, fmt.Errorf("notify.to[%d] (%s): %w", i, channel.Name, err))
			}
			receivers[channel.Name] = r
		}
		return receivers, errors.Join(errs...)
	}}
	receivers, err := c.open(config)
	c.current.Store(&channels{Config: config, receivers: receivers})
	return c, err
}

// Prepare opens the channels of a configuration that was read again, and returns what
// brings them into force. A channel that is new is told of what happens from now on. The
// error says what is wrong with them; those before then stay.
func (t *Teller) Prepare(ctx context.Context, config Config) (commit func(), err error) {
	before := t.Channels.inForce()
	if reflect.DeepEqual(before.Config, config) {
		return func() {}, nil
	}
	next := &channels{Config: config}
	if next.receivers, err = t.Channels.open(config); err != nil {
		return nil, err
	}
	if next.since, err = t.begun(ctx, config); err != nil {
		return nil, err
	}
	return func() {
		t.Channels.current.Store(next)
		t.Logger.Info("notice channels replaced", "channels", len(config.To))
	}, nil
}

// begun returns since when each channel is told.
func (t *Teller) begun(ctx context.Context, config Config) (since map[string]int64, err error) {
	since = map[string]int64{}
	for _, channel := range config.To {
		if since[channel.Name], err = t.Outbox.Since(ctx, channel.Name); err != nil {
			return nil, err
		}
	}
	return since, nil
}
