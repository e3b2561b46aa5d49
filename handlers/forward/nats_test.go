package forward

import (
	"context"
	"strings"
	"testing"

	"scrapelog/handlers/egress"
	"scrapelog/handlers/egress/egresstest"
)

func TestNATSKeepsTheEgressRules(t *testing.T) {
	connect := func(ctx context.Context, url string) error {
		b := natsBroker{NATS{URL: strings.Replace(url, "http://", "nats://", 1), Stream: "LOG"}, func() egress.Rules { return egress.Rules{} }}
		_, err := b.open(ctx)
		return err
	}
	egresstest.Refuses(t, connect)
}
