package notify

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"scrapelog/handlers/egress"
)

// Open makes the receivers of the configured channels, which connect only where rules
// allows it. The error names the environment variables that are missing or wrong.
func Open(config Config, rules func() egress.Rules) (*Channels, error) {
	c := &Channels{Config: config, receivers: map[string]receiver{}}
	t := newTransport(rules)
	client := &http.Client{Transport: t, Timeout: timeout}
	c.Client = client
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
		c.receivers[channel.Name] = r
	}
	return c, errors.Join(errs...)
}
