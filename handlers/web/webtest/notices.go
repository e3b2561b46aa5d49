package webtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"scrapelog/eventstore/outbox"
)

// Notices are canned notices, the newest first.
type Notices []outbox.Notice

func (n Notices) List(_ context.Context, f outbox.Filter) (list []outbox.Notice, err error) {
	for _, notice := range n {
		if len(list) < f.Limit && (len(f.States) == 0 || slices.Contains(f.States, notice.State)) {
			list = append(list, notice)
		}
	}
	return list, nil
}

func (n Notices) GivenUp(ctx context.Context) (int64, error) {
	list, err := n.List(ctx, outbox.Filter{States: []outbox.State{outbox.StateGivenUp}, Limit: len(n)})
	return int64(len(list)), err
}

// told are the notices of the story: one in each state but given up.
func told() Notices {
	return Notices{
		aNotice(4, outbox.StateHeld, outbox.KindOutage, "outage.started", "", ""),
		aNotice(3, outbox.StatePending, outbox.KindFailing, "failing.started", "news fails", Hostile),
		aNotice(2, outbox.StateMerged, outbox.KindOutage, "outage.ended", "", ""),
		aNotice(1, outbox.StateSent, outbox.KindShort, "short.started", Hostile, ""),
	}
}

// untold is the story with a notice that its channel did not take.
func untold() *Service {
	s := New()
	s.Told = append(s.Told, aNotice(0, outbox.StateGivenUp, outbox.KindOverdue, "overdue.started", "weather is overdue", "the channel answers 500"))
	return s
}

func aNotice(n int, state outbox.State, kind outbox.Kind, noticeType, title, lastError string) outbox.Notice {
	at := ago(time.Duration(30-n) * time.Hour)
	notice := outbox.Notice{ID: RunID(200 + n), Channel: "ops", Kind: kind, Type: noticeType, State: state, CreatedAt: at, Attempts: int64(n), LastError: lastError}
	if title != "" {
		quoted, _ := json.Marshal(title)
		notice.Body = json.RawMessage(fmt.Sprintf(`{"data":{"title":%s}}`, quoted))
	}
	return notice
}
