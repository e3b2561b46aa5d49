package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/words"
)

// Desk is the outbox with the channels, for people who look at notices.
type Desk struct {
	*outbox.Outbox
	Channels *Channels
	URL      string // where people see the pages
}

// testPatience is how long a test of a channel may take.
const testPatience = timeout + 5*time.Second

// Test sends a test to the channel of a name, or to each one if it is empty. It returns
// the tests when they were taken or refused.
func (d Desk) Test(ctx context.Context, name string) (tests []outbox.Notice, err error) {
	channels := d.Channels.inForce().To
	if name != "" {
		channel, ok := d.Channels.named(name)
		if !ok {
			return nil, fmt.Errorf("channel %q: %w", name, domain.ErrNotFound)
		}
		channels = []Channel{channel}
	}
	for _, channel := range channels {
		test, err := d.test(channel)
		if err == nil {
			err = d.Add(ctx, test)
		}
		if err != nil {
			return nil, err
		}
		tests = append(tests, test)
	}
	patience := time.After(testPatience)
	for i := range tests {
		for tests[i].State == outbox.StatePending {
			if tests[i], err = d.Get(ctx, tests[i].ID); err != nil {
				return nil, err
			}
			select {
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			case <-patience:
				return tests, nil
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return tests, nil
}

func (d Desk) test(channel Channel) (outbox.Notice, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return outbox.Notice{}, err
	}
	now := time.Now()
	content, err := encode("test", now, data{Title: words.TestTitle, Text: words.TestText(channel.Name), URL: d.URL})
	return outbox.Notice{
		ID: id, Channel: channel.Name, Kind: outbox.KindTest, Type: "test", Subject: subjectOf(outbox.KindTest, id.String()),
		State: outbox.StatePending, Body: content, CreatedAt: now, NextAttempt: now,
	}, err
}
