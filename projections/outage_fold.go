package projections

import (
	"context"

	"github.com/google/uuid"

	"scrapelog/domain"
)

var outageProjection = Projection{
	name: "outages", version: 3, fold: newOutageFold,
	types: []string{
		domain.RunStarted{}.EventType(), domain.ConnectionLost{}.EventType(), domain.ConnectionRestored{}.EventType(),
		domain.ScraperConfigured{}.EventType(), domain.ScraperRemoved{}.EventType(),
	},
	tables: outageTables,
}

var outageTables = []table{outagesTable, outageOriginsTable, outageScrapersTable, outageDaysTable, outageLossesTable}

// outageFold fills the tables of outages. A loss costs a row of its scraper and one of
// outage_losses; the rows of the outage and of its origin are written once for each
// batch of events, however many scrapers are lost in it.
type outageFold struct {
	scrapers rows[string, outageScraper, *outageScraper]
	origins  rows[string, outageOrigin, *outageOrigin]
	outages  rows[uuid.UUID, Outage, *Outage]
	days     rows[string, outageDay, *outageDay]
	losses   rows[string, outageLoss, *outageLoss]
}

func newOutageFold(at place) folder {
	return &outageFold{
		newRows[string, outageScraper, *outageScraper](at, outageScrapersTable),
		newRows[string, outageOrigin, *outageOrigin](at, outageOriginsTable),
		newRows[uuid.UUID, Outage, *Outage](at, outagesTable),
		newRows[string, outageDay, *outageDay](at, outageDaysTable),
		newRows[string, outageLoss, *outageLoss](at, outageLossesTable),
	}
}

func (f *outageFold) tables() []tableRows {
	return []tableRows{&f.outages, &f.origins, &f.scrapers, &f.days, &f.losses}
}

func (f *outageFold) load(ctx context.Context, events []event) error {
	names := make([]string, len(events))
	for i, e := range events {
		names[i] = e.ScraperName()
	}
	if err := f.scrapers.load(ctx, names); err != nil {
		return err
	}
	var origins []string
	var outages []uuid.UUID
	for _, name := range names {
		if s := f.scrapers.held[name]; s.Run != uuid.Nil || s.Origin != "" {
			origins, outages = append(origins, s.Origin), append(outages, s.Outage)
		}
	}
	if err := f.origins.load(ctx, origins); err != nil {
		return err
	}
	for _, origin := range origins {
		outages = append(outages, f.origins.held[origin].Outage)
	}
	return f.outages.load(ctx, outages)
}

func (f *outageFold) apply(ctx context.Context, e event) error {
	before, _, err := f.scrapers.get(ctx, e.ScraperName())
	if err != nil || before.position >= e.position {
		return err
	}
	if err := f.watcherGone(ctx, e); err != nil {
		return err
	}
	if err := f.recover(ctx, e, before.ScraperLoss); err != nil {
		return err
	}
	after := before.Evolve(e.Event)
	if after == before.ScraperLoss {
		return nil // most events: they write nothing
	}
	if before.Origin != after.Origin {
		if _, err := f.move(ctx, e, before.Origin, before.ScraperLoss, after); err != nil {
			return err
		}
	}
	outage, err := f.move(ctx, e, after.Origin, before.ScraperLoss, after)
	if err != nil {
		return err
	}
	if lost, ok := e.Event.(domain.ConnectionLost); ok && outage.ID != uuid.Nil {
		after.Outage = outage.ID
		id := lossID(outage.FirstPosition, e.position)
		f.losses.put(id, outageLoss{id, lost.Scraper, lost.RunID, outage.StartedAt.Time, outage.FirstPosition, e.position})
	}
	f.scrapers.put(e.ScraperName(), outageScraper{e.ScraperName(), after, e.position})
	return nil
}

// recover counts a run that stands in for the last lost one of its scraper.
func (f *outageFold) recover(ctx context.Context, e event, before domain.ScraperLoss) error {
	started, ok := e.Event.(domain.RunStarted)
	if !ok || before.Outage == uuid.Nil || started.Recovers != before.Run {
		return nil
	}
	o, _, err := f.outages.get(ctx, before.Outage)
	if err == nil && o.Position < e.position {
		o.RunsRecovered, o.Position = o.RunsRecovered+1, e.position
		f.outages.put(o.ID, o)
	}
	return err
}

// move returns the outage of an origin that e has begun, changed or ended; the zero
// Outage if there is none.
func (f *outageFold) move(ctx context.Context, e event, url string, before, after domain.ScraperLoss) (Outage, error) {
	if url == "" {
		return Outage{}, nil
	}
	was, _, err := f.origins.get(ctx, url)
	if err != nil {
		return Outage{}, err
	}
	was.URL = url
	is, lost := was.Evolve(e.id, e.Event, before, after), was.Loses(e.Event, after)
	if is == was.OriginLosses && !lost {
		return Outage{}, nil
	}
	f.origins.put(url, outageOrigin{is, e.position})
	var o Outage
	switch {
	case was.Outage == uuid.Nil && is.Outage == uuid.Nil:
		return Outage{}, nil
	case was.Outage == uuid.Nil:
		o = began(url, e)
		if err := f.day(ctx, e, dayOf(o.StartedAt.Time), func(d *outageDay) { d.Began++ }); err != nil {
			return Outage{}, err
		}
	default:
		if o, _, err = f.outages.get(ctx, was.Outage); err != nil {
			return Outage{}, err
		}
	}
	o = o.after(e, lost, is.Outage == uuid.Nil)
	f.outages.put(o.ID, o)
	if !o.Open() {
		err = f.endedOn(ctx, e, o)
	}
	return o, err
}
