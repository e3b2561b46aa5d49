package proof

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/instances"
)

// errStandingBy: this process does not seal, and that is no reason to refuse runs.
var errStandingBy = errors.New("stands by")

type standingBy struct{ error }

func (s standingBy) Is(target error) bool { return target == errStandingBy }

// accepting is what to do where the proof of a log is lost.
const accepting = "if it is lost, stop the service and run \"scrapelog audit checkpoint --accept-restored REASON\""

// loadKey reads the key. It makes one for a log that is empty: a second one could
// vouch for nothing that the first has signed.
func (s *Sealer) loadKey(ctx context.Context) error {
	if s.files.Key == "" { // no folder for it
		return s.without(ctx, s.lacking)
	}
	key, err := ReadKey(s.files.Key)
	if absent(err) {
		key, err = s.firstKey(ctx, err)
	}
	if errors.Is(err, eventstore.ErrUnavailable) || errors.Is(err, errStandingBy) {
		return err
	}
	if err == nil && key.Signer == nil {
		err = fmt.Errorf("%s holds no private key", s.files.Key)
	}
	if err != nil {
		return s.without(ctx, err)
	}
	s.key = key
	s.weaknesses()
	return nil
}

// firstKey makes the key of a log of which nothing was signed.
func (s *Sealer) firstKey(ctx context.Context, missing error) (*Key, error) {
	head, signed, err := s.anything(ctx)
	if err != nil {
		return nil, err
	}
	if signed || head > 0 && !s.begin {
		return nil, missing
	}
	if err := makeKey(s.files.Key); err != nil {
		return nil, standingBy{fmt.Errorf("no key can be made at %s: %w", s.files.Key, err)}
	}
	key, err := ReadKey(s.files.Key)
	if err != nil {
		return nil, err
	}
	s.begun = true
	if head == 0 {
		s.log.InfoContext(ctx, "a key was made for the log", "key", key.Fingerprint(), "file", s.files.Key)
	} else {
		s.log.WarnContext(ctx, "a key was made for a log that has events: that they are the true ones is not proven", "events", head, "key", key.Fingerprint(), "file", s.files.Key)
	}
	return key, nil
}

// anything says how long the log is, and whether something was signed already.
func (s *Sealer) anything(ctx context.Context) (head int64, signed bool, err error) {
	if head, err = s.head(ctx, s.store.Reader()); err != nil {
		return 0, false, err
	}
	last, err := lastStored(ctx, s.store.Reader())
	if errors.Is(err, eventstore.ErrUnavailable) {
		return head, false, err
	}
	if err != nil || last.number > 0 {
		return head, true, nil
	}
	if err := s.outside.refresh(nil, func(mark, bool) {}); err != nil && !absent(err) {
		return head, true, nil // without says why it cannot be read
	}
	return head, s.outside.state.found, nil
}

// without decides what follows from a key that cannot be used.
func (s *Sealer) without(ctx context.Context, why error) error {
	last, err := lastStored(ctx, s.store.Reader())
	if err != nil && !errors.Is(err, errNoCheckpoint) {
		return err
	}
	if last.number > 0 {
		why := fmt.Errorf("it was sealed up to event %d with the key %s, and %w", last.Size, signerOf(last.note), why)
		return s.standBy(ctx, why, "Copy that key to its place; "+accepting)
	}
	head, err := s.head(ctx, s.store.Reader())
	if err != nil {
		return err
	}
	found := false
	if s.files.Checkpoints != "" {
		if err := s.outside.refresh(nil, func(mark, bool) {}); err != nil && !absent(err) {
			return unread(err)
		}
		found = s.outside.state.largest > 0
	}
	switch {
	case found:
		why = fmt.Errorf("%s has checkpoints of %d events, and %w", s.files.Checkpoints, s.outside.state.largest, why)
	case head > 0 && s.canMakeKey():
		why = fmt.Errorf("it has %d events and nothing that was signed of them is here, and %w", head, why)
	default:
		return standingBy{why}
	}
	return s.standBy(ctx, why, "If it was sealed, copy its key and checkpoints to their place; else, or "+accepting)
}

// canMakeKey says whether this process could have sealed the log from its first
// event on: one that had no place for a key did not.
func (s *Sealer) canMakeKey() bool {
	if s.files.Key == "" {
		return false
	}
	dir := filepath.Dir(s.files.Key)
	if os.MkdirAll(dir, 0o700) != nil {
		return false
	}
	f, err := os.CreateTemp(dir, ".try-*")
	if err != nil {
		return false
	}
	_ = f.Close()
	return os.Remove(f.Name()) == nil
}

// unsealedFor is how long events may wait to be sealed by another instance.
const unsealedFor = 10 * time.Second

// standBy refuses a log whose proof is not here. On PostgreSQL it lets an instance
// go on while another one lives and seals what is appended.
func (s *Sealer) standBy(ctx context.Context, why error, advice string) error {
	refused := refuse("The log cannot be proven here: %v. %s.", why, advice)
	if s.store.Dialect() != eventstore.Postgres {
		return refused
	}
	live, err := instances.New(s.store).Live(ctx)
	if err != nil {
		return err
	}
	last, err := lastStored(ctx, s.store.Reader())
	if err != nil || last.number == 0 && s.key == nil && len(live) < 2 {
		return errors.Join(refused, err)
	}
	var waiting int64
	err = s.store.Reader().QueryRowContext(ctx, `SELECT coalesce(min(recorded_at), 0) FROM events WHERE position > $1`, last.Size).Scan(&waiting)
	switch {
	case err != nil:
		return unavailable(ctx, "tail", err)
	case len(live) < 2, waiting > 0 && time.Since(time.UnixMicro(waiting)) > unsealedFor:
		return refused
	}
	return standingBy{fmt.Errorf("%w; another instance seals it", why)}
}

// signerOf names the key that a note claims to be signed with.
func signerOf(signed string) string {
	var names []string
	for _, s := range signers(signed) {
		names = append(names, fingerprint(s.name, s.hash))
	}
	return cmp.Or(strings.Join(names, ", "), "that is unknown")
}

// weaknesses names what lets other users at the proof, once per change.
func (s *Sealer) weaknesses() {
	var weak []string
	for _, dir := range []string{filepath.Dir(s.files.Key), filepath.Dir(s.files.Checkpoints)} {
		info, err := os.Stat(dir)
		if err != nil || info.Mode()&fs.ModeSticky != 0 || info.Mode().Perm()&0o022 == 0 {
			continue
		}
		says := fmt.Sprintf("The folder %s can be written by other users (mode %04o), who can replace the key and the checkpoints: run \"chmod 700 %s\".", dir, info.Mode().Perm(), dir)
		if len(weak) == 0 || weak[0] != says {
			weak = append(weak, says)
		}
	}
	s.mu.Lock()
	before := s.state.Weak
	s.state.Weak = weak
	s.mu.Unlock()
	if len(weak) > len(before) {
		for _, says := range weak {
			s.log.Warn("the proof of the log is not safe from other users", "reason", says)
		}
	}
}
