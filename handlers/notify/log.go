package notify

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/words"
)

const (
	logTopic = "troubles" // persistent, with Group: the row that locks the troubles

	lookEvery = 2 * time.Second  // for what is wrong here
	lookAgain = 10 * time.Second // for what other instances have seen until they died
)

// Troubles returns what is wrong with the log and with its readers as this instance sees
// it: the sentence for each, by a name that stays the same while it lasts. The error
// says that nothing is known.
type Troubles func(ctx context.Context) (map[string]string, error)

// FollowLog tells of what is wrong with the log until ctx ends: when the first instance
// sees it, and when the last one does not see it any more.
func (t *Teller) FollowLog(ctx context.Context, instance string, troubles Troubles) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var told []string
	var at time.Time
	for {
		seen, err := troubles(ctx)
		names := slices.Sorted(maps.Keys(seen))
		if err == nil && (!slices.Equal(names, told) || time.Since(at) > lookAgain) {
			if err = t.tellLog(ctx, instance, seen); err == nil {
				told, at = names, time.Now()
			}
		}
		if err != nil && ctx.Err() == nil {
			t.Logger.Debug("cannot tell what is wrong with the log, retrying", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (t *Teller) tellLog(ctx context.Context, instance string, seen map[string]string) error {
	return t.Outbox.Reached(ctx, logTopic, Group, func(ctx context.Context, position int64) (int64, error) {
		now := time.Now()
		before, after, err := t.Outbox.Troubles(ctx, instance, slices.Sorted(maps.Keys(seen)), now)
		if err != nil {
			return position, err
		}
		for _, name := range slices.Sorted(maps.Keys(after)) {
			if _, known := before[name]; known {
				continue
			}
			if err := t.logTrouble(ctx, name, seen[name], after[name]); err != nil {
				return position, err
			}
		}
		for _, name := range slices.Sorted(maps.Keys(before)) {
			if _, lasts := after[name]; lasts {
				continue
			}
			if err := t.logWell(ctx, name, before[name], now); err != nil {
				return position, err
			}
		}
		return position, nil
	})
}

// logTrouble tells that something is wrong.
func (t *Teller) logTrouble(ctx context.Context, name, says string, since time.Time) error {
	content, err := encode("log.started", since, data{Title: words.LogTrouble(name), Text: says, URL: t.page("projections")})
	if err != nil {
		return err
	}
	for _, channel := range t.Channels.inForce().To {
		if !channel.wants(outbox.KindLog) {
			continue
		}
		if err := t.addLog(ctx, name, channel.Name, "log.started", since, since, content); err != nil {
			return err
		}
	}
	return nil
}

// logWell tells the channels which know of it that something is well again.
func (t *Teller) logWell(ctx context.Context, name string, since, now time.Time) error {
	content, err := encode("log.ended", now, data{Title: words.LogWell(name), Text: words.LogWell(name) + ".", URL: t.page("projections")})
	if err != nil {
		return err
	}
	return t.ends(ctx, subjectOf(outbox.KindLog, name), func(channel Channel) error {
		return t.addLog(ctx, name, channel.Name, "log.ended", since, now, content)
	})
}

// addLog adds a notice whose id follows from what is wrong, since when, and the channel.
func (t *Teller) addLog(ctx context.Context, name, channel, noticeType string, since, now time.Time, content json.RawMessage) error {
	cause := uuid.NewSHA1(uuid.NameSpaceOID, []byte(since.UTC().Format(time.RFC3339Nano)+" "+name))
	return t.Outbox.Add(ctx, outbox.Notice{
		ID: outbox.ID(cause, channel, noticeType), Channel: channel, Kind: outbox.KindLog, Type: noticeType, Subject: subjectOf(outbox.KindLog, name),
		State: outbox.StatePending, Open: noticeType == "log.started", Body: content, CreatedAt: now, NextAttempt: now,
	})
}
