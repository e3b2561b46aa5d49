package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/words"
	"scrapelog/projections"
)

// Group is the consumer group that turns events into notices. It is a persistent name:
// under another one the notices of what happens meanwhile would be told twice.
const Group = "notices"

// Types are the wire names of the events that can lead to a notice.
var Types = []string{
	domain.ConnectionLost{}.EventType(), domain.RunCompleted{}.EventType(), domain.RunFailed{}.EventType(), domain.RunCancelled{}.EventType(),
	domain.ScraperRemoved{}.EventType(), domain.ScraperOverdue{}.EventType(),
}

var lostType = domain.ConnectionLost{}.EventType()

// Teller adds notices to the outbox. The fields are required; it must have begun.
type Teller struct {
	Outbox   *outbox.Outbox
	Channels *Channels
	Outages  Outages
	URL      string                                   // where people see the pages
	Wake     func() (ch <-chan struct{}, stop func()) // yields a token when the read models have moved
	Logger   *slog.Logger
}

// Begin lets the group begin at the end of the log, and each channel where the log
// ends when the channel is first configured: history is not told. troubled lists the
// scrapers that are in trouble already.
func (t *Teller) Begin(ctx context.Context, troubled func(ctx context.Context) ([]outbox.Mark, error)) error {
	if err := t.Outbox.Begin(ctx, Group, troubled); err != nil {
		return err
	}
	for _, topic := range []string{outagesTopic, logTopic} {
		if err := t.Outbox.Follow(ctx, topic, Group); err != nil {
			return err
		}
	}
	now := t.Channels.inForce()
	since, err := t.begun(ctx, now.Config)
	if err == nil {
		t.Channels.current.Store(&channels{now.Config, now.receivers, since})
	}
	return err
}

// Handle turns an event into notices, in the transaction that ctx carries.
func (t *Teller) Handle(ctx context.Context, r eventstore.Recorded, e domain.Event) error {
	if e == nil {
		return nil
	}
	b, kept := feed.Keep(ctx, func() *batch { return &batch{Teller: t} })
	if !kept {
		b = &batch{Teller: t}
	}
	b.happened = append(b.happened, happened{r, e})
	if kept {
		return nil
	}
	return b.Flush(ctx)
}

// happened is an event with its place in the log.
type happened struct {
	eventstore.Recorded
	event domain.Event
}

// batch is what the events of one transaction come to.
type batch struct {
	*Teller
	happened []happened
	marks    map[outbox.Mark]bool
}

// Flush implements feed.Unwritten.
func (b *batch) Flush(ctx context.Context) (err error) {
	var scrapers []string
	for _, h := range b.happened {
		if name := h.event.ScraperName(); !slices.Contains(scrapers, name) {
			scrapers = append(scrapers, name)
		}
	}
	if b.marks, err = b.Outbox.Marks(ctx, scrapers...); err != nil {
		return err
	}
	for _, h := range b.happened {
		if err := b.tell(ctx, h); err != nil {
			return fmt.Errorf("notices of position %d: %w", h.Position, err)
		}
	}
	b.happened = nil
	return nil
}

func (b *batch) tell(ctx context.Context, h happened) error {
	switch e := h.event.(type) {
	case domain.RunFailed:
		if err := b.begin(ctx, h, outbox.KindFailing, words.Failing(e.Scraper), words.Failed(e)); err != nil {
			return err
		}
		return b.runEnded(ctx, h)
	case domain.RunCompleted:
		return b.completed(ctx, h, e)
	case domain.ScraperOverdue:
		return b.overdue(ctx, h, e)
	case domain.ConnectionLost, domain.RunCancelled:
		return b.runEnded(ctx, h)
	case domain.ScraperRemoved:
		return b.forget(ctx, e.Scraper)
	case domain.RunStarted, domain.ConnectionRestored, domain.ScraperConfigured, domain.ScraperPaused, domain.ScraperResumed,
		domain.ScrapeSkipped, domain.LogAccepted, domain.LogVerified, domain.LogRead, domain.UserEvent: // lead to no notice
	}
	return nil
}

func (b *batch) completed(ctx context.Context, h happened, e domain.RunCompleted) error {
	text := words.Summary(e)
	err := b.end(ctx, h, outbox.KindFailing, words.Works(e.Scraper), text)
	if err == nil && !e.AsExpected() {
		err = b.begin(ctx, h, outbox.KindShort, words.Short(e), text)
	} else if err == nil {
		err = errors.Join(
			b.end(ctx, h, outbox.KindShort, words.Enough(e), text),
			b.end(ctx, h, outbox.KindOverdue, words.InTime(e.Scraper), text),
		)
	}
	if err != nil {
		return err
	}
	return b.runEnded(ctx, h)
}

// overdue tells of each scraper.overdue: a pause or another expectation ends one
// without a success.
func (b *batch) overdue(ctx context.Context, h happened, e domain.ScraperOverdue) error {
	delete(b.marks, outbox.Mark{Scraper: e.Scraper, Kind: outbox.KindOverdue})
	return b.begin(ctx, h, outbox.KindOverdue, words.Overdue(e), words.LastSuccess(e))
}

// forget takes the marks of a scraper away: one of the same name begins without.
func (b *batch) forget(ctx context.Context, scraper string) error {
	for m := range b.marks {
		if m.Scraper != scraper {
			continue
		}
		delete(b.marks, m)
		if err := b.Outbox.SetMark(ctx, m, false); err != nil {
			return err
		}
	}
	return nil
}

// begin tells that a scraper is in trouble of a kind, unless it was before.
func (b *batch) begin(ctx context.Context, h happened, kind outbox.Kind, title, text string) error {
	m := outbox.Mark{Scraper: h.event.ScraperName(), Kind: kind}
	if b.marks[m] {
		return nil
	}
	b.marks[m] = true
	if err := b.Outbox.SetMark(ctx, m, true); err != nil {
		return err
	}
	for _, channel := range b.told(h, kind) {
		if err := b.add(ctx, h, channel, kind, "started", title, text); err != nil {
			return err
		}
	}
	return nil
}

// end tells the channels which know of the trouble that it is over.
func (b *batch) end(ctx context.Context, h happened, kind outbox.Kind, title, text string) error {
	m := outbox.Mark{Scraper: h.event.ScraperName(), Kind: kind}
	if !b.marks[m] {
		return nil
	}
	delete(b.marks, m)
	if err := b.Outbox.SetMark(ctx, m, false); err != nil {
		return err
	}
	return b.ends(ctx, subjectOf(kind, m.Scraper), func(channel Channel) error { return b.add(ctx, h, channel, kind, "ended", title, text) })
}

// ends calls tell for each channel that was told a beginning and not its end. One that has
// left the configuration is passed over.
func (t *Teller) ends(ctx context.Context, subject string, tell func(Channel) error) error {
	open, err := t.Outbox.Open(ctx, subject)
	if err != nil {
		return err
	}
	for _, began := range open {
		if err := t.Outbox.End(ctx, began); err != nil {
			return err
		}
		if channel, ok := t.Channels.named(began.Channel); ok {
			if err := tell(channel); err != nil {
				return err
			}
		}
	}
	return nil
}

// runEnded tells the channels that want to know of each run.
func (b *batch) runEnded(ctx context.Context, h happened) error {
	for _, channel := range b.told(h, outbox.KindRun) {
		if err := b.add(ctx, h, channel, outbox.KindRun, "ended", words.Summary(h.event), words.Summary(h.event)); err != nil {
			return err
		}
	}
	return nil
}

// told returns the channels that are told of an event about a scraper.
func (b *batch) told(h happened, kind outbox.Kind) (told []Channel) {
	now := b.Channels.inForce()
	for _, channel := range now.To {
		if channel.wants(kind) && channel.covers(h.event.ScraperName()) && h.Position > now.since[channel.Name] {
			told = append(told, channel)
		}
	}
	return told
}

func subjectOf(kind outbox.Kind, of string) string { return string(kind) + ":" + of }

// add adds a notice about an event of a scraper or of its run.
func (b *batch) add(ctx context.Context, h happened, channel Channel, kind outbox.Kind, edge, title, text string) error {
	scraper := h.event.ScraperName()
	d := data{Title: title, Text: text, URL: b.page("scrapers", scraper), Scrapers: []string{scraper}, Events: []eventRef{refTo(h.Recorded)}}
	if id := h.event.Run(); id != uuid.Nil {
		run, err := b.run(ctx, h)
		if err != nil {
			return err
		}
		d.URL, d.Run = b.page("runs", id.String()), &run
		d.Text = b.explained(d.Text, string(run.Cause)+string(run.Code))
	}
	noticeType := string(kind) + "." + edge
	content, err := encode(noticeType, h.event.OccurredAt(), d)
	if err != nil {
		return err
	}
	now := time.Now()
	return b.Outbox.Add(ctx, outbox.Notice{
		ID: outbox.ID(h.ID, channel.Name, noticeType), Channel: channel.Name, Kind: kind, Type: noticeType,
		Subject: subjectOf(kind, scraper), Position: h.Position, State: outbox.StatePending, Open: edge == "started",
		Body: content, CreatedAt: now, NextAttempt: now,
	})
}

// run returns the run of an event as it stood after it.
func (b *batch) run(ctx context.Context, h happened) (projections.Run, error) {
	records, err := b.Outbox.Read(ctx, eventstore.Query{Stream: h.Stream, Until: h.Position})
	if err != nil {
		return projections.Run{}, err
	}
	return projections.RunAsOf(records)
}
