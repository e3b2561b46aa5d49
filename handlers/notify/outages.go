package notify

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"scrapelog/eventstore"
	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/words"
	"scrapelog/projections"
)

const (
	outagesTopic = "outages" // persistent, with Group: the cursor of the outages that were told

	// outagesPause is the least time between two looks at the outages: during a storm
	// the read model moves many times a second.
	outagesPause = 250 * time.Millisecond

	// mostScrapers is how many scrapers a notice lists, and mostNamed how many its text.
	mostScrapers = 1000
	mostNamed    = 10
)

// Outages is what a Teller reads of the read model of outages.
type Outages interface {
	OutageEdges(ctx context.Context, after int64) (edges []projections.OutageEdge, reached int64, err error)
	Outage(ctx context.Context, id uuid.UUID) (projections.Outage, error)
	RunsOfOutage(ctx context.Context, outage uuid.UUID, limit int) ([]projections.Run, error)
}

// FollowOutages turns the begins and ends of outages into notices until ctx ends. Each
// is held for group_wait: what is lost meanwhile is told with it, and an outage that
// follows within it on one of the same origin is told as one with that.
func (t *Teller) FollowOutages(ctx context.Context) error {
	wake, stop := t.Wake()
	defer stop()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	var known int64 // there is nothing to tell up to here
	begun := t.Outbox.Reached(ctx, outagesTopic, Group, func(_ context.Context, told int64) (int64, error) {
		known = told
		return told, nil
	})
	if begun != nil && ctx.Err() == nil {
		t.Logger.Debug("looking at all outages, as it is not known which were told", "error", begun)
	}
	for {
		reached, err := t.tellOutages(ctx, known)
		if err != nil && ctx.Err() == nil {
			t.Logger.Debug("cannot tell of outages, retrying", "error", err)
		} else {
			known = reached
		}
		if !eventstore.Pause(ctx, outagesPause) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-wake:
		}
	}
}

// tellOutages adds notices of the edges after a position and releases those that were
// held for long enough. It returns the position up to which everything is told.
func (t *Teller) tellOutages(ctx context.Context, known int64) (reached int64, err error) {
	edges, reached, err := t.Outages.OutageEdges(ctx, known)
	if err != nil {
		return known, err
	}
	held, err := t.Outbox.Held(ctx, time.Now())
	if err != nil || len(edges) == 0 && len(held) == 0 {
		return reached, err
	}
	err = t.Outbox.Reached(ctx, outagesTopic, Group, func(ctx context.Context, told int64) (int64, error) {
		for _, edge := range edges {
			if edge.Position <= told {
				continue // by another instance, or before a restart
			}
			if err := t.outageEdge(ctx, edge); err != nil {
				return told, err
			}
		}
		return max(told, reached), t.release(ctx, reached)
	})
	if err != nil {
		return known, err
	}
	return reached, nil
}

func (t *Teller) outageEdge(ctx context.Context, edge projections.OutageEdge) error {
	subject := subjectOf(outbox.KindOutage, edge.Outage.Origin)
	if edge.Ended {
		return t.ends(ctx, subject, func(channel Channel) error {
			return t.hold(ctx, edge, channel.Name, outageEnded, outbox.StateHeld)
		})
	}
	now := t.Channels.inForce()
	for _, channel := range now.To {
		if !channel.wants(outbox.KindOutage) || edge.Position <= now.since[channel.Name] {
			continue
		}
		state := outbox.StateHeld
		follows, err := t.Outbox.Merge(ctx, subject, channel.Name, outageEnded)
		if err != nil {
			return err
		}
		if follows {
			state = outbox.StateMerged // the channel knows already
		}
		if err := t.hold(ctx, edge, channel.Name, outageBegan, state); err != nil {
			return err
		}
	}
	return nil
}

const (
	outageBegan = "outage.started"
	outageEnded = "outage.ended"
)

func (t *Teller) hold(ctx context.Context, edge projections.OutageEdge, channel, noticeType string, state outbox.State) error {
	now := time.Now()
	return t.Outbox.Add(ctx, outbox.Notice{
		ID: outbox.ID(edge.Outage.ID, channel, noticeType), Channel: channel, Kind: outbox.KindOutage, Type: noticeType,
		Subject: subjectOf(outbox.KindOutage, edge.Outage.Origin), Position: edge.Position, Cause: edge.Outage.ID,
		State: state, Open: noticeType == outageBegan, CreatedAt: now, NextAttempt: now.Add(t.Channels.inForce().GroupWait.Std()),
	})
}

// release writes the notices that were held for long enough, unless the read model has
// still to see an event from before that.
func (t *Teller) release(ctx context.Context, reached int64) error {
	held, err := t.Outbox.Held(ctx, time.Now())
	if err != nil || len(held) == 0 {
		return err
	}
	next, behind, err := t.Outbox.RecordedAt(ctx, reached+1)
	if err != nil {
		return err
	}
	for _, n := range held {
		if behind && next.Before(n.NextAttempt) {
			continue
		}
		if n, err = t.written(ctx, n); err != nil {
			return err
		}
		if err := t.Outbox.Release(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// written returns a held notice as it is sent. One of an outage that concerns no
// scraper of the channel is held on while the outage lasts.
func (t *Teller) written(ctx context.Context, n outbox.Notice) (outbox.Notice, error) {
	outage, err := t.Outages.Outage(ctx, n.Cause)
	if err != nil {
		return n, err
	}
	channel, configured := t.Channels.named(n.Channel)
	if configured {
		outage.Scrapers = channel.covered(outage.Scrapers)
	}
	switch {
	case len(outage.Scrapers) > 0:
		n.State, n.NextAttempt = outbox.StatePending, time.Now()
		n.Body, err = t.outageBody(ctx, n, outage)
	case outage.Open():
		n.NextAttempt = time.Now().Add(max(poll, t.Channels.inForce().GroupWait.Std()))
	default:
		n.State, n.Open = outbox.StateMerged, false
	}
	return n, err
}

func (t *Teller) outageBody(ctx context.Context, n outbox.Notice, outage projections.Outage) (json.RawMessage, error) {
	all := int64(len(outage.Scrapers))
	named := outage.Scrapers[:min(len(outage.Scrapers), mostNamed)]
	outage.Scrapers = outage.Scrapers[:min(len(outage.Scrapers), mostScrapers)]
	d := data{
		URL: t.page("outages", outage.ID.String()), Scrapers: outage.Scrapers, Outage: &outage,
		Events: []eventRef{{outage.FirstPosition, outage.ID, lostType}},
	}
	if n.Type == outageBegan {
		d.Title = words.OutageBegan(outage.Origin, all)
		d.Text = t.explained(words.OutageSince(named, all, outage.StartedAt.Time, outage.Cause), string(outage.Cause))
		return encode(n.Type, outage.StartedAt.Time, d)
	}
	runs, err := t.Outages.RunsOfOutage(ctx, outage.ID, mostNamed)
	if err != nil {
		return nil, err
	}
	var recovered []string
	for _, run := range runs {
		if run.RecoveredBy != uuid.Nil {
			recovered = append(recovered, words.RecoveredBy(run.Scraper, run.RecoveredBy))
		}
	}
	ended, err := t.Outbox.ByPosition(ctx, n.Position)
	if err != nil {
		return nil, err
	}
	d.Events = append(d.Events, refTo(ended))
	d.Title = words.OutageEnded(outage.Origin, outage.EndedAt.Time.Sub(outage.StartedAt.Time))
	d.Text = words.OutageCost(outage.RunsLost, outage.RunsRecovered, recovered)
	return encode(n.Type, outage.EndedAt.Time, d)
}
