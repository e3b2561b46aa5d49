package proof

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/eventstore"
)

// Options are the options of Verify.
type Options struct {
	Files Files // what is left out is filled in by FilesOf
	Since int64 // compare no events that a checkpoint up to this position covers
	// Recent compares only the events after the last good verification, and in any case
	// the newest Least of those that are signed. Since is not used then.
	Recent bool
	Least  int64 // 0: LeastCompared
	Keep   bool  // a good verification is kept beside the copy outside, if the private key is there
	Key    *Key  // the key that the log must be sealed with; nil: that of Files
	// Guards has every guard row proven as well, which decodes the whole log. It is
	// left out where not all events are compared.
	Guards    bool
	Witnesses []Witness // whose signatures are looked at
	Copy      bool      // Files.Checkpoints is a copy, which may end before the database's own checkpoints
}

// LeastCompared is how many of the newest signed events every verification compares:
// a smaller log is always verified as a whole.
const LeastCompared = 100_000

// Verify recomputes the tree from the events and compares it with the stored hashes and
// with every checkpoint, in the database and outside. It writes nothing but, with Keep,
// the result of a good verification, and works beside a running service. Damage is in
// the result; the error says why the verification could not be done.
//
// With Since or Recent, the events up to Result.Since are not compared with their
// stored hashes, but counted. The stored hashes are compared with every checkpoint
// all the same. If anything is wrong, the whole log is verified, to say what.
//
// The outside file is read first and the database in one snapshot after it, so
// that a checkpoint outside is never newer than what it is compared with.
func Verify(ctx context.Context, store *eventstore.Store, opts Options, progress func(done, total int64)) (Result, error) {
	files, err := FilesOf(ctx, store, opts.Files)
	if err != nil {
		return Result{}, err
	}
	opts.Files = files
	begun := time.Now()
	a, err := verify(ctx, store, opts, progress)
	if err == nil && a.result.Since > 0 && a.result.Verdict == Damaged {
		opts.Since, opts.Recent = 0, false
		a, err = verify(ctx, store, opts, progress)
	}
	if err != nil {
		return Result{}, err
	}
	a.result.TookMS = time.Since(begun).Milliseconds()
	if opts.Keep {
		err = a.keepVerified(files, begun)
	}
	return a.result, err
}

// verify does one pass.
func verify(ctx context.Context, store *eventstore.Store, opts Options, progress func(done, total int64)) (*audit, error) {
	a := &audit{store: store, key: opts.Key, copied: opts.Copy, result: Result{Damage: []Damage{}, File: opts.Files.Checkpoints, Pinned: opts.Key != nil}, progress: progress}
	if err := a.readOutside(ctx, opts.Files, opts.Witnesses); err != nil {
		return nil, err
	}
	a.readVerified(opts.Files)
	guards, err := a.run(ctx, opts)
	if err == nil {
		err = a.beside(ctx, guards)
	}
	return a, err
}

// proveGuards starts to prove the guards, and returns a function that waits for the
// mismatches.
func (a *audit) proveGuards(ctx context.Context) func() ([]string, error) {
	type answer struct {
		guards []string
		err    error
	}
	done := make(chan answer, 1)
	go func() {
		guards, err := a.store.ProveGuards(ctx)
		if !errors.Is(err, eventstore.ErrUnavailable) && ctx.Err() == nil {
			err = nil // an event that cannot be decoded is damage, which the pass finds
		}
		done <- answer{guards, err}
	}()
	return func() ([]string, error) {
		a := <-done
		return a.guards, a.err
	}
}

// beside adds the changes to the database that were made without an event.
func (a *audit) beside(ctx context.Context, guards []string) error {
	flaws, err := a.store.Flaws(ctx)
	if err != nil {
		return err
	}
	for _, f := range flaws {
		if !f.Weak() {
			a.result.Damage = append(a.result.Damage, Damage{Kind: kindOf[f.Kind], Says: f.Says})
		}
	}
	for _, says := range guards {
		a.result.Damage = append(a.result.Damage, Damage{Kind: GuardEdited, Says: "table scraper_guard: " + says + ": stop the service and run \"scrapelog db repair-guards\""})
	}
	a.result.conclude(a.unsigned())
	return nil
}

var kindOf = map[eventstore.FlawKind]Kind{eventstore.FlawSchema: SchemaChanged, eventstore.FlawOffset: OffsetPastEnd, eventstore.FlawGuard: GuardEdited}

// audit is one pass over the log.
type audit struct {
	store    *eventstore.Store
	key      *Key
	claims   claims
	result   Result
	progress func(done, total int64)

	tip    storedCheckpoint // newest in the database
	queue  []tlog.Hash      // stored hashes of the positions that come next
	hashed int64            // how many events have a stored hash
	span   int64            // how many hashes are stored

	scattered bool // and not one after the other

	events  *frontier // of the events; means nothing any more once torn
	torn    bool      // a position was missing
	stored  *frontier // of the stored hashes, from the first difference on; nil before
	last    int64     // position that was compared last
	pending []*claim  // those of larger trees

	head      int64   // position of the last event
	present   int64   // events at positions that can be
	faults    []fault // the first few
	count     int64   // all of them
	strangers []leaf  // events that were found where nothing was hashed
	misplaced Damage  // at positions that cannot be, or are taken
	gap       Damage  // in what was never hashed
	inner     int64   // first position whose stored inner hashes are wrong

	copied bool
	kept   string // what checkpoints of this file outside are marked with
	late   bool   // the file ends before the database's own checkpoints

	cosigned  cosignatures
	verified  *verification // the last good one, if it still counts
	uncounted bool          // the events that are not compared do not have the positions 1, 2, 3 …

	scratch [2][]tlog.Hash
}

// fault is a position whose event is not the one whose hash is stored.
type fault struct {
	position int64
	event    leaf // nil: there is none
	stored   tlog.Hash
}

// mostFaults is how many are kept to find out what happened.
const mostFaults = 1000

func (a *audit) readOutside(ctx context.Context, files Files, witnesses []Witness) error {
	if a.key != nil {
		a.key = a.key.followed(files.Key)
	}
	if a.key == nil {
		key, err := ReadKey(files.Key)
		if err != nil && !absent(err) {
			return fmt.Errorf("%w: key of the log: %w", eventstore.ErrUnavailable, err)
		}
		a.key = key
	}
	if a.key != nil {
		a.result.Key, a.claims.key = a.key.Public, a.key.Verifier
	}
	a.claims.ctx, a.claims.file = ctx, outsideReader{outsideFile: outsideFile{files.Checkpoints}}
	a.kept = keptIn(a.store.Dialect(), files.Checkpoints)
	if err := a.claims.collectOutside(); err != nil {
		return fmt.Errorf("%w: checkpoints outside: %w", eventstore.ErrUnavailable, err)
	}
	return a.readCosigned(files, witnesses)
}

// behind looks whether the files, which were read before the database, have by now
// what the database had: a checkpoint is written there right after it was stored.
func (a *audit) behind() {
	_ = a.cosigned.collectOutside(true, a.void) // what the first reading has found is compared
	again := a.claims.file
	if again.refresh(a.claims.key, func(mark, bool) {}) != nil {
		return // the first reading tells
	}
	mine := a.claims.mine
	a.late = len(mine) > 1 && mine[len(mine)-2] > again.state.last.Size
}

// run reads the database and concludes. It returns the guards that are wrong.
func (a *audit) run(ctx context.Context, opts Options) (guards []string, err error) {
	tx, err := newSnapshot(ctx, a.store)
	if err != nil {
		return nil, err
	}
	defer tx.close()
	if err := a.begin(ctx, tx, opts); err != nil {
		return nil, err
	}
	proven := func() ([]string, error) { return nil, nil }
	if opts.Guards && a.result.Since == 0 {
		proven = a.proveGuards(ctx)
	}
	err = a.compare(ctx, tx)
	guards, wrong := proven()
	if err = cmp.Or(err, wrong); err == nil {
		a.diagnose()
	}
	return guards, err
}

// begin reads what the log is to be compared with.
func (a *audit) begin(ctx context.Context, tx *snapshot, opts Options) (err error) {
	a.claims.q = tx
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(position), 0) FROM events`).Scan(&a.head); err != nil {
		return unavailable(ctx, "head", err)
	}
	if a.tip, err = lastStored(ctx, tx); err != nil && !errors.Is(err, errNoCheckpoint) {
		return err
	}
	if a.span, a.scattered, err = (storedHashes{ctx, tx}).span(); err != nil {
		return err
	}
	if a.scattered { // however far the last row is, the pass must end
		a.span = min(a.span, tlog.StoredHashCount(a.tip.Size))
	}
	a.hashed = int64(sort.Search(int(a.span), func(n int) bool { return tlog.StoredHashCount(int64(n+1)) > a.span }))
	if err := a.claims.collectInside(func(c Checkpoint) bool { return c.Kept == a.kept }); err != nil {
		return err
	}
	if err := a.cosigned.collectInside(ctx, tx, a.void); err != nil {
		return err
	}
	a.behind()
	a.claims.compareSides()
	a.claimVerified()
	a.claimWitnessed()
	a.claims.sort()
	since := opts.Since
	if opts.Recent {
		since = a.sinceVerified(opts)
	}
	return a.start(ctx, tx, since)
}

// start has the events compared after the largest genuine checkpoint up to since, or
// all of them.
func (a *audit) start(ctx context.Context, tx *snapshot, since int64) error {
	a.events, a.pending = &frontier{}, a.claims.list
	known := func(c *claim) bool { return c.Size <= since && c.Size <= a.hashed }
	from := a.claims.last(true, known)
	if from == nil {
		from = a.claims.last(false, known)
	}
	a.settle()
	if from == nil || from.Size == 0 {
		return nil
	}
	a.result.Since = from.Size
	var there, first int64
	err := tx.QueryRowContext(ctx, `SELECT count(*), coalesce(min(position), 1) FROM events WHERE position <= $1`, from.Size).Scan(&there, &first)
	a.uncounted = err == nil && (there != from.Size || first != 1) && a.head >= from.Size
	return unavailable(ctx, "count events", err)
}
