package eventstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"scrapelog/domain"
)

// The ends of the streams of scrapers, and their newest configurations (under every
// wire name of that event). The concatenation keeps both databases from the index by type.
const (
	eventsConfigurationsSQLite = `SELECT s.key, (SELECT coalesce(max(version), 0) FROM events WHERE stream = s.key), c.type, c.data
FROM (SELECT key FROM json_each($1)) AS s
LEFT JOIN events AS c ON c.stream = s.key AND c.version = (
  SELECT max(version) FROM events
  WHERE stream = s.key AND type || '' IN ('scraper.configured'))`
	eventsConfigurationsPostgres = `SELECT s.key, (SELECT coalesce(max(version), 0) FROM events WHERE stream = s.key), c.type, c.data
FROM json_each($1) AS s
LEFT JOIN LATERAL (
  SELECT type, data FROM events
  WHERE stream = s.key AND type || '' IN ('scraper.configured')
  ORDER BY version DESC LIMIT 1) AS c ON true`
)

// OfKeys returns the query for the rows of a table whose column has one of the keys of a
// JSON object, $1. PostgreSQL looks each key up: until it has statistics of a table that
// grows fast, it would rather read the whole table for a hundred keys.
func (d Dialect) OfKeys(columns, table, column string) string {
	return d.Pick(
		`SELECT `+columns+` FROM `+table+` WHERE `+column+` IN (SELECT key FROM json_each($1))`,
		`SELECT found.* FROM json_each($1) AS wanted
CROSS JOIN LATERAL (SELECT `+columns+` FROM `+table+` WHERE `+column+` = wanted.key OFFSET 0) AS found`)
}

// keys is a JSON object with the keys: json_each reads it on both databases.
func keys(all []string) string {
	object := make(map[string]struct{}, len(all))
	for _, key := range all {
		object[key] = struct{}{}
	}
	text, _ := json.Marshal(object) // texts always can be
	return string(text)
}

// ReadStreams returns the events of several streams, in the transaction of ctx if there
// is one. A stream without events is not in the map.
func (s *Store) ReadStreams(ctx context.Context, streams []string) (map[string][]Recorded, error) {
	records, err := Select(ctx, s.From(ctx), "read streams", scanRecorded, s.dialect.OfKeys(recordedColumns, "events", "stream"), keys(streams))
	slices.SortFunc(records, func(a, b Recorded) int { return cmp.Compare(a.Position, b.Position) })
	found := map[string][]Recorded{}
	for _, r := range records {
		found[r.Stream] = append(found[r.Stream], r)
	}
	return found, err
}

// ScraperState is what Scraper returns.
type ScraperState struct {
	domain.Scraper
	Version int64 // of its stream
}

// Scrapers returns the states of several scrapers, each as Scraper does.
func (s *Store) Scrapers(ctx context.Context, names []string) (map[string]ScraperState, error) {
	guards, err := s.GuardsOf(ctx, names)
	if err != nil {
		return nil, err
	}
	streams, ofStream := make([]string, len(names)), map[string]string{}
	for i, name := range names {
		streams[i] = domain.ScraperStream(name)
		ofStream[streams[i]] = name
	}
	states := make(map[string]ScraperState, len(names))
	var unreadable error // a configuration, and not the database
	err = EachRow(ctx, s.From(ctx), s.dialect.Pick(eventsConfigurationsSQLite, eventsConfigurationsPostgres), []any{keys(streams)}, func(row Scanner) error {
		var state ScraperState
		var stream string
		var kind sql.NullString
		var data []byte
		if err := row.Scan(&stream, &state.Version, &kind, &data); err != nil {
			return err
		}
		name := ofStream[stream]
		state.Scraper, unreadable = scraperOf(name, kind, data, guards[name])
		states[name] = state
		return unreadable
	})
	if unreadable == nil {
		unreadable = Unavailable(ctx, "scrapers", err)
	}
	return states, unreadable
}

// scraperOf is the scraper of a configuration, if there is one, and a guard.
func scraperOf(name string, kind sql.NullString, data []byte, guard domain.Guard) (scraper domain.Scraper, err error) {
	if kind.Valid {
		configured, err := domain.Decode(kind.String, data)
		if err != nil {
			return scraper, fmt.Errorf("configuration of scraper %s: %w", name, err)
		}
		scraper = scraper.Evolve(configured)
	}
	scraper.Guard = guard
	return scraper, nil
}

// GuardsOf returns the guards of several scrapers, each as Guard does.
func (s *Store) GuardsOf(ctx context.Context, names []string) (map[string]domain.Guard, error) {
	found, err := Select(ctx, s.From(ctx), "guards", scanGuard, s.dialect.OfKeys("scraper, "+guardColumns, "scraper_guard", "scraper"), keys(names))
	if err != nil {
		return nil, err
	}
	guards := make(map[string]domain.Guard, len(names))
	for _, name := range names {
		guards[name] = domain.Guard{Scraper: name}
	}
	for _, guard := range found {
		guards[guard.Scraper] = guard
	}
	return guards, nil
}

// Appended is what became of an append.
type Appended struct {
	Recorded []Recorded
	Err      error
}

// AppendAll writes or refuses each of several appends, as Append does with one: together
// and in their order in the transaction of ctx, else queued at once.
func (s *Store) AppendAll(ctx context.Context, all []Append) []Appended {
	done, group := make([]Appended, len(all)), make([]*request, len(all))
	for i, a := range all {
		if group[i], done[i].Err = s.newRequest(a); done[i].Err != nil {
			group[i] = nil
		}
	}
	if _, joined := TxFrom(ctx); joined {
		return s.joinAll(ctx, group, done)
	}
	var queued sync.WaitGroup
	for i, r := range group {
		if r != nil {
			queued.Go(func() { done[i].Recorded, done[i].Err = s.enqueue(ctx, r) })
		}
	}
	queued.Wait()
	return done
}

func (s *Store) joinAll(ctx context.Context, group []*request, done []Appended) []Appended {
	valid := slices.DeleteFunc(slices.Clone(group), func(r *request) bool { return r == nil })
	if len(valid) == 0 {
		return done
	}
	err := s.record(ctx, valid)
	for i, r := range group {
		switch {
		case r == nil:
		case err != nil:
			done[i].Err = err
		default:
			done[i] = Appended{r.recorded, r.refusal}
		}
	}
	return done
}
