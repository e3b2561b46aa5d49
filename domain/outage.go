package domain

import "github.com/google/uuid"

// An outage of an origin begins with the first loss of a scraper there while none is
// open, and ends when no scraper of the origin has a loss that is neither restored
// nor superseded by a newer run. Losses of watchers and for a reason of the scrapelog
// instance do not count. An outage is for people; no decision about runs reads it.
//
// The rule is two values that are folded side by side: a [ScraperLoss] for each scraper
// and an [OriginLosses] for each origin. An event moves at most one scraper and two origins.

// ScraperLoss is a scraper as outages see it. The zero value is a scraper without
// events.
type ScraperLoss struct {
	Origin string    // of its URL; empty: it was never configured, or was removed
	Run    uuid.UUID // its last run that was lost
	Outage uuid.UUID // the outage that the loss of Run belongs to; uuid.Nil: none
	Down   bool      // that loss is neither restored nor superseded
}

// Evolve returns the state after e, an event of the scraper or of one of its runs. A
// loss that counts has no Outage yet: it is that of the [OriginLosses] after e.
func (s ScraperLoss) Evolve(e Event) ScraperLoss {
	switch e := e.(type) {
	case ScraperConfigured:
		s.Origin = OriginOf(e.Config.URL)
	case ScraperRemoved:
		s.Origin = ""
	case RunStarted:
		s.Down = false
	case ConnectionRestored:
		s.Down = s.Down && s.Run != e.RunID
	case ConnectionLost:
		if e.OfScraper() {
			s = ScraperLoss{Origin: s.Origin, Run: e.RunID, Down: true}
		}
	default:
	}
	return s
}

// holds reports whether the scraper keeps an outage of the origin open.
func (s ScraperLoss) holds(origin string) bool { return s.Down && s.Origin == origin && origin != "" }

// OriginLosses is the scheme, host and port of the URLs of scrapers, with the outage that
// is open there. The zero value but for its URL is an origin without losses.
type OriginLosses struct {
	URL    string
	Down   int64     // how many of its scrapers have a loss that is neither restored nor superseded
	Outage uuid.UUID // the open outage, by the id of the event that began it; uuid.Nil: none
}

// Evolve returns the origin after e, the event with the given id, which has made after
// of the scraper before. An outage has begun if only the result has one, and has ended
// if only the receiver had one.
func (o OriginLosses) Evolve(id uuid.UUID, e Event, before, after ScraperLoss) OriginLosses {
	if before.holds(o.URL) {
		o.Down--
	}
	if after.holds(o.URL) {
		o.Down++
	}
	if o.Outage == uuid.Nil && o.Loses(e, after) {
		o.Outage = id
	}
	if o.Down == 0 {
		o.Outage = uuid.Nil
	}
	return o
}

// Loses reports whether e is a loss that counts for the outage of the origin; after is
// the scraper after e.
func (o OriginLosses) Loses(e Event, after ScraperLoss) bool {
	lost, ok := e.(ConnectionLost)
	return ok && lost.OfScraper() && after.Origin == o.URL && o.URL != ""
}
