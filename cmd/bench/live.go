package main

import (
	"context"
	"fmt"

	"github.com/ThreeDotsLabs/watermill/message"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/react"
	"scrapelog/projections"
)

// liveGoals are events per second on a quiet machine.
var liveGoals = map[eventstore.Dialect]float64{eventstore.SQLite: 20_000, eventstore.Postgres: 10_000}

const liveWhy = "That is for both projections, each of which reads and decodes the log for itself: a quarter is the bulk upsert of a batch, a fifth the hand-offs between watermill-sql, the feed and the router, " +
	"a tenth each are reading the row, decoding its JSON and making the message; the rest is the garbage collector's and the scheduler's"

// measureLive: every projection through the feed, beside a bare subscriber of
// watermill-sql whose handler writes the same rows.
func measureLive(ctx context.Context, b *bench, d eventstore.Dialect) error {
	s, err := b.store(ctx, d)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := projections.Ensure(ctx, s); err != nil {
		return err
	}
	bare, err := b.bareSubscriber(ctx, d)
	if err != nil {
		return err
	}
	defer bare.close()
	var ours, theirs []figure
	for range b.rounds {
		got, err := b.projectLive(ctx, d, s)
		if err != nil {
			return err
		}
		ours = append(ours, got)
		if got, err = bare.project(ctx, b, b.live/bareShare); err != nil {
			return err
		}
		theirs = append(theirs, got)
	}
	got := middle(ours)
	b.atLeast(d, "feed and projections, live", got, "bare watermill-sql, same rows", middle(theirs), 1, "")
	b.add(row{
		what: "the same on a quiet machine", database: d, ours: rate(got.perSecond), goal: "≥ " + rate(liveGoals[d]), reached: judge(got.perSecond >= liveGoals[d]),
		why: "an event costs " + got.spent() + ". " + liveWhy,
	})
	return nil
}

// bareShare is how much fewer events the bare subscriber is given, which would
// take minutes: it is as slow with few.
const bareShare = 10

func projectionGroups() (groups []react.Group) {
	for _, p := range projections.All() {
		groups = append(groups, react.Project(p))
	}
	return groups
}

// projectLive appends events while nobody reads, and measures until all of them
// are projected.
func (b *bench) projectLive(ctx context.Context, d eventstore.Dialect, s *eventstore.Store) (got figure, err error) {
	before, err := s.Head(ctx)
	if err != nil {
		return figure{}, err
	}
	if err := fill(ctx, s, before+b.live); err != nil {
		return figure{}, err
	}
	head, err := s.Head(ctx)
	if err != nil {
		return figure{}, err
	}
	m := b.meter(d)
	stop, err := consume(s, projectionGroups()...)
	if err != nil {
		return figure{}, err
	}
	for _, p := range projections.All() {
		if err := s.WaitFor(ctx, p.Name(), head); err != nil {
			return figure{}, err
		}
	}
	got = m.read(b, d, float64(head-before))
	return got, stop()
}

// bareSubscriber is watermill-sql in the database of a log, whose projections it
// fills.
type bareSubscriber struct {
	*watermillRival
	store    *eventstore.Store
	position int64
}

func (b *bench) bareSubscriber(ctx context.Context, d eventstore.Dialect) (*bareSubscriber, error) {
	url, err := b.database(ctx, d)
	if err != nil {
		return nil, err
	}
	s, err := eventstore.Open(ctx, eventstore.Config{URL: url})
	if err != nil {
		return nil, err
	}
	if err := s.Migrate(ctx); err != nil {
		return nil, err
	}
	if err := projections.Ensure(ctx, s); err != nil {
		return nil, err
	}
	rival, err := newWatermillRival(url, d, 4)
	return &bareSubscriber{watermillRival: rival, store: s}, err
}

func (s *bareSubscriber) close() {
	s.watermillRival.close()
	_ = s.store.Close()
}

func (s *bareSubscriber) project(ctx context.Context, b *bench, n int64) (got figure, err error) {
	if err := s.publishStories(n); err != nil {
		return figure{}, err
	}
	m := b.meter(s.store.Dialect())
	messages, sub, err := s.subscribe(ctx, 0)
	if err != nil {
		return figure{}, err
	}
	for range n {
		select {
		case m := <-messages:
			if err := s.apply(m); err != nil {
				return figure{}, err
			}
			m.Ack()
		case <-ctx.Done():
			return figure{}, context.Cause(ctx)
		}
	}
	got = m.read(b, s.store.Dialect(), float64(n))
	return got, sub.Close()
}

func (s *bareSubscriber) publishStories(n int64) error {
	var messages message.Messages
	for i := 0; n > 0; i++ {
		events, err := storedOf(story(scraperName(i)))
		if err != nil {
			return err
		}
		for _, e := range events[:min(n, int64(len(events)))] {
			m, err := e.message()
			if err != nil {
				return err
			}
			m.Metadata["type"] = e.kind
			messages = append(messages, m)
			n--
		}
		if len(messages) < importBatch && n > 0 {
			continue
		}
		if err := s.publisher.Publish(topic, messages...); err != nil {
			return err
		}
		messages = nil
	}
	return nil
}

func (s *bareSubscriber) apply(m *message.Message) error {
	tx, err := txOf(m)
	if err != nil {
		return err
	}
	e, err := domain.Decode(m.Metadata["type"], m.Payload)
	if err != nil {
		return err
	}
	s.position++
	for _, p := range projections.All() {
		if err := p.Apply(m.Context(), tx, eventstore.Recorded{Position: s.position, Type: m.Metadata["type"]}, e); err != nil {
			return fmt.Errorf("bare subscriber: %w", err)
		}
	}
	return nil
}
