package proof

import (
	"fmt"
	"path/filepath"
	"testing"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// TestTamperingAcrossStretches: what is read by several workers, and whose
// buffers are used again, is named as rightly as a short log.
func TestTamperingAcrossStretches(t *testing.T) {
	const events = 9000
	move := func(from, to int64) string {
		return fmt.Sprintf(`UPDATE events SET position = %d WHERE position = %d`, to, from)
	}
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newLog(t, db)
		l.files = Files{Key: filepath.Join(t.TempDir(), keyFile), Checkpoints: filepath.Join(t.TempDir(), checkpointsFile)}
		l.restart()
		l.sealer.batch = 1000
		l.appendMany(events)
		l.seal()
		l.mustBe(l.verify(), Intact)
		l.keep()
		for name, test := range map[string]struct {
			does func(*log)
			kind Kind
			at   int64
		}{
			"edit at the end of a stretch":        {owner(`UPDATE events SET recorded_at = 0 WHERE position = 1024`), Edited, 1024},
			"edit at the beginning of a stretch":  {owner(`UPDATE events SET recorded_at = 0 WHERE position = 1025`), Edited, 1025},
			"edit of the last":                    {owner(`UPDATE events SET recorded_at = 0 WHERE position = 9000`), Edited, 9000},
			"swap of events far apart":            {owner(move(3, -1), move(8999, 3), move(-1, 8999)), Reordered, 3},
			"a whole stretch deleted":             {owner(`DELETE FROM events WHERE position BETWEEN 1025 AND 2048`), Missing, 1025},
			"delete, those after moved up":        {owner(`DELETE FROM events WHERE position = 1000`, `UPDATE events SET position = -position WHERE position > 1000`, `UPDATE events SET position = -position - 1 WHERE position < 0`), Missing, 1000},
			"more faults than are kept, then far": {owner(`UPDATE events SET recorded_at = 0 WHERE position > 5`), Edited, 6},
			"tail cut across stretches":           {owner(`DELETE FROM events WHERE position > 5000`), CutTail, 5001},
		} {
			t.Run(name, func(t *testing.T) {
				l := *l
				l.T = t
				defer l.putBack()
				test.does(&l)
				r := l.verify()
				l.mustBe(r, Damaged, test.kind)
				if len(r.Damage) > 0 && r.Damage[0].Position != test.at {
					t.Errorf("first bad position %d, want %d: %s", r.Damage[0].Position, test.at, r.Text())
				}
			})
		}
	})
}

// appendMany adds n events, whole thousands, to one stream.
func (l *log) appendMany(n int) {
	l.Helper()
	about := domain.AboutScraper{Scraper: "many", At: noon}
	for version := 0; version < n; version += 1000 {
		events := make([]eventstore.NewEvent, 1000)
		for i := range events {
			events[i].Event = domain.ScraperPaused{AboutScraper: about, By: "ann"}
		}
		if _, err := l.store.Append(l.ctx, eventstore.Append{Stream: about.Stream(), Expected: int64(version), Events: events}); err != nil {
			l.Fatal(err)
		}
	}
}
