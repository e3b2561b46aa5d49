package projections

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// Outage is one outage of an origin; package domain has the rule. Its JSON is that of the
// API, which a client decodes into the same type. What is unset is zero and left out.
type Outage struct {
	ID            uuid.UUID    `json:"id"` // of the event of the first loss
	Origin        string       `json:"origin"`
	StartedAt     Time         `json:"started_at"`
	EndedAt       Time         `json:"ended_at,omitzero"`     // zero: it is open
	DurationMS    *int64       `json:"duration_ms,omitempty"` // set once it has ended
	Cause         domain.Cause `json:"cause"`                 // of the first loss
	Scrapers      []string     `json:"scrapers"`              // that lost a run in it, by name
	RunsLost      int64        `json:"runs_lost"`
	RunsRecovered int64        `json:"runs_recovered"` // how many of them a recovery run stands in for; some start after the end
	FirstPosition int64        `json:"first_position"` // of the first loss
	LastPosition  int64        `json:"last_position"`  // of the end; of an open outage, of the last loss or return

	Position int64 `json:"-"` // of the last event that changed the row
}

// Open reports whether the outage has not ended.
func (o Outage) Open() bool { return o.EndedAt.IsZero() }

// began returns the outage that the loss at an event begins.
func began(origin string, e event) Outage {
	lost, _ := e.Event.(domain.ConnectionLost)
	return Outage{ID: e.id, Origin: origin, StartedAt: Time{stored(lost.At)}, Cause: lost.Cause, FirstPosition: e.position}
}

// after returns the outage after an event that lost a run in it, brought a scraper back
// or, with the last of them, ended it.
func (o Outage) after(e event, lost, ended bool) Outage {
	if lost {
		o.RunsLost++
	}
	if ended {
		o.EndedAt = Time{stored(e.OccurredAt())}
		duration := max(0, o.EndedAt.Sub(o.StartedAt.Time).Milliseconds())
		o.DurationMS = &duration
	}
	o.LastPosition, o.Position = e.position, e.position
	return o
}

// shown is the outage as queries return it, but for its scrapers.
func (o *Outage) shown(time.Time) any { return *o }

func (o *Outage) columns() []column {
	return []column{
		{"id", id{&o.ID}, 0},
		{"origin", text[string]{&o.Origin}, fixed},
		{"started_at", micros{&o.StartedAt.Time}, required | fixed},
		{"ended_at", micros{&o.EndedAt.Time}, 0},
		{"duration_ms", maybe{&o.DurationMS}, 0},
		{"cause", text[domain.Cause]{&o.Cause}, fixed},
		{"runs_lost", number[int64]{&o.RunsLost}, 0},
		{"runs_recovered", number[int64]{&o.RunsRecovered}, 0},
		{"first_position", number[int64]{&o.FirstPosition}, fixed},
		{"last_position", number[int64]{&o.LastPosition}, 0},
		{"position", number[int64]{&o.Position}, 0},
		{"tail", tail{&o.ID}, fixed},
	}
}

var outagesTable = table{name: "outages", columns: (&Outage{}).columns(), indexes: []index{
	{"outages_newest", "(started_at, first_position)"},
	{"outages_origin", "(origin, started_at, first_position)"},
	{"outages_open", "(started_at, first_position) WHERE ended_at IS NULL"},
	{"outages_changed", "(position)"},
	{"outages_tail", "(tail)"},
}}

// outageOrigin is a domain.OriginLosses as it is stored.
type outageOrigin struct {
	domain.OriginLosses
	position int64
}

func (o *outageOrigin) shown(time.Time) any { return nil }

func (o *outageOrigin) columns() []column {
	return []column{
		{"origin", text[string]{&o.URL}, 0},
		{"down", number[int64]{&o.Down}, 0},
		{"outage", id{&o.Outage}, 0},
		{"position", number[int64]{&o.position}, 0},
	}
}

var outageOriginsTable = table{name: "outage_origins", columns: (&outageOrigin{}).columns()}

// outageScraper is a domain.ScraperLoss as it is stored.
type outageScraper struct {
	name string
	domain.ScraperLoss
	position int64
}

func (s *outageScraper) shown(time.Time) any { return nil }

func (s *outageScraper) columns() []column {
	return []column{
		{"scraper", text[string]{&s.name}, 0},
		{"origin", text[string]{&s.Origin}, 0},
		{"run", id{&s.Run}, 0},
		{"outage", id{&s.Outage}, 0},
		{"down", flag{&s.Down}, 0},
		{"position", number[int64]{&s.position}, 0},
	}
}

var outageScrapersTable = table{name: "outage_scrapers", columns: (&outageScraper{}).columns(), roomy: true}

// outageLoss is a run that was lost in an outage. Its rows are written once and their
// ids ascend, so that the losses of an outage are found by the id, without another index.
type outageLoss struct {
	id       string // see lossID
	scraper  string
	run      uuid.UUID
	began    time.Time // of the outage, as is first
	first    int64
	position int64
}

func (l *outageLoss) shown(time.Time) any { return nil }

func (l *outageLoss) columns() []column {
	return []column{
		{"id", text[string]{&l.id}, 0},
		{"scraper", text[string]{&l.scraper}, fixed},
		{"run", id{&l.run}, fixed},
		{"began", micros{&l.began}, required | fixed},
		{"first", number[int64]{&l.first}, fixed},
		{"position", number[int64]{&l.position}, 0},
	}
}

// lossID returns the id of a loss: the first position of its outage, then its own.
func lossID(first, position int64) string { return lossesOf(first) + fmt.Sprintf("%012x", position) }

// lossesOf returns what the ids of the losses of an outage begin with.
func lossesOf(first int64) string { return fmt.Sprintf("%012x", first) }

var outageLossesTable = table{name: "outage_losses", columns: (&outageLoss{}).columns(), indexes: []index{
	{"outage_losses_scraper", "(scraper, began, first)"},
}}
