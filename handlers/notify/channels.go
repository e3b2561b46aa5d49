package notify

import (
	"errors"
	"fmt"
	"net/http"

	"scrapelog/handlers/egress"
)

// Open makes the receivers of the configured channels, which connect only where rules
// allows it. The error names the environment variables that are missing or wrong.
func Open(config Config, rules func() egress.Rules) (*Channels, error) {
	c := &Channels{Config: config, receivers: map[string]receiver{}}
	client := &http.Client{Transport: newTransport(rules)}
	var errs []error
	for i, channel := range config.To {
		r := newReceiver(channel, client)
		if err := r.check(); err != nil {
			errs = append(errs, fmt.Errorf("notify.to[%d] (%s): %w", i, channel.Name, err))
		}
		c.receivers[channel.Name] = r
	}
	return c, errors.Join(errs...)
}

func newReceiver(channel Channel, client *http.Client) receiver {
	return webhook{channel, client}
}
