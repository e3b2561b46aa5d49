package proof

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/eventstore"
)

// claim is a checkpoint that the log is compared with.
type claim struct {
	mark
	outside bool
	events  bool      // the events have this root
	stored  bool      // the stored hashes have it
	checked bool      // the signature was looked at
	genuine bool      // and is this log's
	suspect bool      // its signature must be looked at: the copy outside has another note of this size
	column  time.Time // inside: when it was signed, by the column beside the note
}

// claims are all checkpoints that are in force, in the order of their size.
type claims struct {
	list     []*claim
	restored []Restored
	state    outsideState // of the file outside
	absent   bool         // there is no outside file, or it is empty
	since    int64        // where the last acceptance stands in the file
	unread   bool         // a row of the database is no checkpoint
	inside   int
	rows     int64  // number of the last row
	hole     int64  // the first number that is missing in the database
	lacks    *claim // the smallest that only the file has
	edited   *claim
	mine     []int64 // sizes of the checkpoints in the database that this file must have

	file outsideReader
	key  note.Verifier // nil: signatures cannot be looked at
	ctx  context.Context
	q    eventstore.Querier
}

// collectOutside reads the file. What an acceptance has made void is left out.
func (c *claims) collectOutside() error {
	var found []*claim
	void := map[tlog.Hash]bool{}
	err := c.file.refresh(c.key, func(m mark, accepts bool) {
		if void[m.sum] {
			c.file.state.faulty(OutsideForged, m.at, "was tampered with: a checkpoint of %d events that is void was added again", m.Size)
			return
		}
		if accepts {
			c.since, c.restored = m.at, append(c.restored, *m.Restored)
			found = slices.DeleteFunc(found, func(old *claim) bool {
				gone := old.Size > m.Restored.Proven
				void[old.sum] = void[old.sum] || gone
				return gone
			})
		}
		found = append(found, &claim{mark: m, outside: true})
	})
	c.state = c.file.state
	c.absent = absent(err) || err == nil && len(found) == 0 && !c.junk()
	if err != nil && !c.absent {
		return err
	}
	c.list = append(c.list, found...)
	return nil
}

// junk reports whether the file holds text but no checkpoint.
func (c *claims) junk() bool {
	return !c.state.found && (len(c.state.torn) > 0 || c.state.fault != nil)
}

// collectInside reads the database.
func (c *claims) collectInside(mine func(Checkpoint) bool) error {
	return unavailable(c.ctx, "checkpoints", eventstore.EachRow(c.ctx, c.q, checkpointsList, nil, func(row eventstore.Scanner) error {
		var number int64
		var signed string
		var sealedAt time.Time
		if err := row.Scan(&number, &signed, eventstore.Micros{To: &sealedAt}); err != nil {
			return err
		}
		if number != c.rows+1 && c.hole == 0 {
			c.hole = c.rows + 1
		}
		c.rows = number
		p, err := parseCheckpoint(signed)
		if err != nil {
			c.unread = true
			return nil
		}
		if mine(p) {
			c.mine = append(c.mine, p.Size)
		}
		c.inside++
		next := &claim{mark: mark{Checkpoint: p, at: number, sum: sha256.Sum256([]byte(signed))}, column: sealedAt}
		if !p.SealedAt.IsZero() && !p.SealedAt.Equal(next.column) && c.edited == nil {
			c.edited = next
		}
		c.list = append(c.list, next)
		return nil
	}))
}

// compareSides looks for checkpoints that only one side has, or that differ between the
// two. A checkpoint in the file after the last acceptance was in the database first.
func (c *claims) compareSides() {
	inside, outside := map[int64]*claim{}, map[tlog.Hash]bool{}
	same := map[tlog.Hash]bool{}
	var largest int64
	for _, one := range c.list {
		switch {
		case one.outside:
			outside[one.sum] = true
		default:
			inside[one.Size], same[one.sum] = one, true
			largest = max(largest, one.Size)
		}
	}
	for _, one := range c.list {
		if !one.outside || one.Size == 0 || one.at < c.since || same[one.sum] {
			continue
		}
		switch twin := inside[one.Size]; {
		case twin != nil && !outside[twin.sum]:
			one.suspect, twin.suspect = true, true
		case twin == nil && c.lacks == nil && one.Size < largest && !c.unread && c.genuine(one):
			c.lacks = one
		}
	}
}

func (c *claims) sort() {
	slices.SortStableFunc(c.list, func(a, b *claim) int { return cmp.Compare(a.Size, b.Size) })
}

// genuine verifies the signature of a claim, once, because that is the most expensive
// step. A claim that agrees with the log needs none.
func (c *claims) genuine(one *claim) bool {
	if one.checked {
		return one.genuine
	}
	one.checked = true
	if c.key == nil {
		one.genuine = one.outside // without a key the file outside is trusted
		return one.genuine
	}
	signed, err := c.note(one)
	one.genuine = err == nil && verified(signed, c.key)
	return one.genuine
}

func (c *claims) note(one *claim) (signed string, err error) {
	if one.outside {
		return c.file.note(one.mark)
	}
	err = c.q.QueryRowContext(c.ctx, checkpointsGet, one.at).Scan(&signed)
	return signed, err
}

// first returns the smallest claim that is genuine and fits.
func (c *claims) first(outside bool, fits func(*claim) bool) *claim {
	for _, one := range c.list {
		if one.outside == outside && fits(one) && c.genuine(one) {
			return one
		}
	}
	return nil
}

// last returns the largest claim that is genuine and fits.
func (c *claims) last(outside bool, fits func(*claim) bool) *claim {
	for _, one := range slices.Backward(c.list) {
		if one.outside == outside && fits(one) && c.genuine(one) {
			return one
		}
	}
	return nil
}

// forged reports whether the newest of the claims, or one that the log denies, was
// not signed with the key.
func (c *claims) forged(outside bool) bool {
	if c.key == nil {
		return false
	}
	looked := 0
	for _, one := range slices.Backward(c.list) {
		if one.outside != outside || looked > 0 && one.events && !one.suspect {
			continue
		}
		if !c.genuine(one) {
			return true
		}
		if looked++; looked == mostLooked {
			break
		}
	}
	return false
}

// mostLooked bounds how many signatures are verified in a log of which every checkpoint
// fails.
const mostLooked = 1000

func every(*claim) bool { return true }
