package command_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/command"
)

// An outage of many scrapers is not a line for each.
func TestAnOutageIsCutShortInTheLog(t *testing.T) {
	db := eventstoretest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		store := db.Open(t)
		said := &bytes.Buffer{}
		logger := slog.New(slog.NewTextHandler(said, nil))
		d := desk{t, &command.Handler{
			Log: store, Instance: func() string { return "here" }, Now: func() time.Time { return noon },
			Follower: func(context.Context) (string, error) { return "here", nil },
			Logger:   logger, Lines: &command.Lines{Logger: logger},
		}, store, said}
		const scrapers = 130
		var losses, returns []domain.Order
		for i, r := range d.all(t.Context(), d.shops(scrapers)) {
			run, _ := domain.RunOfStream(r.Stream)
			loss := lose(run)
			if i%2 == 0 {
				loss.Cause = domain.CauseEOF
			}
			losses, returns = append(losses, domain.Order{Command: loss}), append(returns, domain.Order{Command: restore(run)})
		}
		d.all(t.Context(), losses)
		time.Sleep(time.Second)
		synctest.Wait()
		d.expect(`msg="connection lost"`, 100)
		d.expect(`level=WARN msg="more connections lost" cause=eof runs=`, 1)
		d.expect(`level=WARN msg="more connections lost" cause=reset runs=`, 1)
		if runs := countedRuns(said.String()); runs != scrapers-100 {
			t.Errorf("%d more lost, want %d", runs, scrapers-100)
		}
		said.Reset()
		d.all(t.Context(), returns)
		d.Lines.Close()
		d.expect(`msg="connection restored"`, 100)
		if runs := countedRuns(said.String()); runs != scrapers-100 {
			t.Errorf("%d more restored, want %d", runs, scrapers-100)
		}
	})
}

func (d desk) expect(line string, times int) {
	d.Helper()
	if n := strings.Count(d.said.String(), line); n != times {
		d.Errorf("%s was logged %d times, want %d", line, n, times)
	}
}

func countedRuns(said string) (sum int) {
	for _, part := range strings.Split(said, " runs=")[1:] {
		var n int
		_, _ = fmt.Sscan(part, &n)
		sum += n
	}
	return sum
}
