package proof

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/eventstore"
)

// tip loads the last checkpoint, proves that the stored hashes and the outside
// copy agree with it, and brings the outside copy up to it.
//
// The outside copy is read first: another instance may seal at any time, and
// what is outside was in the database before.
func (s *Sealer) tip(ctx context.Context, q eventstore.Querier) (t tip, err error) {
	err = s.outside.refresh(s.key.Verifier, func(mark, bool) {})
	if err != nil && !absent(err) {
		return t, unread(err)
	}
	t.storedCheckpoint, err = lastStored(ctx, q)
	if err := s.otherKey(ctx, t, err); err != nil {
		return t, err
	}
	if errors.Is(err, errNoCheckpoint) || err == nil && t.number > 0 && !verified(t.note, s.key.Verifier) {
		return t, refuse("The newest checkpoint in the database was not signed with this log's key. Run \"scrapelog events verify\".")
	}
	if err != nil {
		return t, err
	}
	hashes := storedHashes{ctx, q}
	t.frontier, err = hashes.frontier(t.Size)
	if errors.Is(err, errHashMissing) || err == nil && t.number > 0 && t.frontier.root() != t.Root {
		return t, refuse("The stored hashes do not agree with the checkpoint of %d events that covers them. Run \"scrapelog events verify\".", t.Size)
	}
	if err != nil {
		return t, err
	}
	switch state := s.outside.state; {
	case state.fault != nil:
		err = refuse("%s %s", state.fault.Says, advice[state.fault.Kind])
	case !state.found:
		err = s.beginOutside(ctx, q, t)
	default:
		err = s.compareOutside(ctx, q, t, hashes)
	}
	if err != nil {
		return t, err
	}
	return t, s.checkTail(ctx, q, t.Size)
}

// otherKey decides about a log that is sealed with another key than the one that
// is here: two instances may have made one each before the first seal.
func (s *Sealer) otherKey(ctx context.Context, t tip, err error) error {
	state := s.outside.state
	if err != nil || t.number == 0 || t.Origin == s.key.Verifier.Name() || state.found && state.largest > 0 {
		return nil
	}
	why := fmt.Errorf("it is sealed with the key %s, and the one at %s is %s", signerOf(t.note), s.files.Key, s.key.Fingerprint())
	s.key = nil // the other may be copied here
	return s.standBy(ctx, why, "Copy that key to its place; "+accepting)
}

// beginOutside makes the outside copy of an empty log, beginning with the empty
// tree: from its key on a log has a copy outside. That of any other log was taken
// away.
func (s *Sealer) beginOutside(ctx context.Context, q eventstore.Querier, t tip) error {
	head, err := s.head(ctx, q)
	if err != nil {
		return err
	}
	if head > 0 && !s.begun || t.number > 0 {
		what := "is missing"
		switch info, err := os.Stat(s.outside.path); {
		case err != nil:
		case info.Size() == 0:
			what = "is empty"
		default:
			what = "holds no checkpoint"
		}
		why := fmt.Errorf("its database has %d events and checkpoints of %d, and the copy of the checkpoints outside, %s, %s", head, t.Size, s.outside.path, what)
		return s.standBy(ctx, why, "Copy it back; "+accepting)
	}
	signed, err := s.checkpoint(t.frontier, time.Now().UTC().Truncate(time.Microsecond)).sign(s.key.Signer)
	if err != nil {
		return err
	}
	return s.outside.append(signed)
}

// compareOutside refuses a database that does not follow from the last
// checkpoint outside it, and appends there what is new.
func (s *Sealer) compareOutside(ctx context.Context, q eventstore.Querier, t tip, hashes tlog.HashReader) error {
	last := s.outside.state.last
	signed, err := s.outside.note(last)
	if err != nil {
		return err
	}
	switch {
	case !verified(signed, s.key.Verifier) && last.Size == 0 && last.Restored == nil: // of a key that signed nothing else
		return s.beginOutside(ctx, q, t)
	case !verified(signed, s.key.Verifier):
		return refuse("The last checkpoint in %s was not signed with this log's key. Run \"scrapelog events verify\".", s.outside.path)
	case last.Size > t.Size:
		return refuse("The checkpoints kept outside cover %d events, those in the database only %d: it is an older database than the one that was sealed. "+
			"If you restored a backup on purpose, stop the service and run \"scrapelog audit checkpoint --accept-restored REASON\"; else run \"scrapelog events verify\".", last.Size, t.Size)
	}
	if err := t.rootsAgree(last, hashes); err != nil {
		if errors.Is(err, eventstore.ErrUnavailable) {
			return err
		}
		return refuse("The log is not the one whose first %d events were signed: it was rewritten. Run \"scrapelog events verify\".", last.Size)
	}
	if s.caughtUp = s.caughtUp && !s.outside.reread || last.Size == t.Size; last.Size == t.Size {
		return nil
	}
	if err := s.behind(ctx, q, last); err != nil {
		return err
	}
	err = s.outside.append(t.note)
	s.caughtUp = err == nil
	return err
}

// behind refuses a file outside that lacks more than the one checkpoint which a
// crash may have kept from it.
func (s *Sealer) behind(ctx context.Context, q eventstore.Querier, last mark) error {
	if s.kept != "" && s.caughtUp {
		return nil // others seal as well
	}
	var newest []string
	err := eventstore.EachRow(ctx, q, checkpointsNewest, []any{"%\n" + keptWord + " " + s.kept + "\n%", s.kept}, func(row eventstore.Scanner) error {
		note, err := eventstore.Value[string](row)
		newest = append(newest, note)
		return err
	})
	if err != nil || len(newest) < 2 {
		return unavailable(ctx, "checkpoints", err)
	}
	for _, note := range newest[1:] {
		if c, err := parseCheckpoint(note); err != nil || c.Size > last.Size {
			return refuse("The copy of the checkpoints outside, %s, ends with that of %d events, and the database has later ones: it was cut, or an old copy was put there. Copy the newest one back; %s.",
				s.outside.path, last.Size, accepting)
		}
	}
	return nil
}

// checkTail refuses a log that is shorter than what was signed and, once after
// the start, looks for gaps in what was not.
func (s *Sealer) checkTail(ctx context.Context, q eventstore.Querier, sealed int64) error {
	head, err := s.head(ctx, q)
	if err != nil {
		return err
	}
	if head < sealed {
		return refuse("%d events were signed and only %d are there: the end of the log was cut off. Run \"scrapelog events verify\".", sealed, head)
	}
	if err := s.lastSealed(ctx, q, sealed); err != nil || s.checked {
		return err
	}
	var count, last, versions, rows int64
	if err := q.QueryRowContext(ctx, eventsTail, sealed).Scan(&count, &last); err != nil {
		return unavailable(ctx, "tail", err)
	}
	if count > 0 && last-sealed != count {
		return refuse("Positions are missing between %d and %d. Run \"scrapelog events verify\".", sealed+1, last)
	}
	var stream string
	err = q.QueryRowContext(ctx, eventsHoles, sealed).Scan(&stream, &versions, &rows)
	if err == nil {
		return refuse("Stream %s has version %d and %d events: versions are missing. Run \"scrapelog events verify\".", stream, versions, rows)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return unavailable(ctx, "tail", err)
	}
	s.checked = true
	return nil
}

// lastSealed compares the last event that was signed with its stored hash: a log
// that was cut off and went on has another one there.
func (s *Sealer) lastSealed(ctx context.Context, q eventstore.Querier, sealed int64) error {
	if sealed == 0 {
		return nil
	}
	var l leaves
	if err := readEvents(ctx, q, s.store.Dialect(), sealed-1, sealed, 1, l.add); err != nil {
		return err
	}
	stored, err := storedHashes{ctx, q}.ReadHashes([]int64{tlog.StoredHashIndex(0, sealed-1)})
	if errors.Is(err, eventstore.ErrUnavailable) {
		return err
	}
	if err != nil || l.len() == 0 || l.at(0).hash() != stored[0] {
		return refuse("The event at position %d is not the one that was signed there. Run \"scrapelog events verify\".", sealed)
	}
	return nil
}

func (s *Sealer) head(ctx context.Context, q eventstore.Querier) (head int64, err error) {
	err = q.QueryRowContext(ctx, `SELECT coalesce(max(position), 0) FROM events`).Scan(&head)
	return head, unavailable(ctx, "head", err)
}
