package proof

import (
	"cmp"
	"context"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// claim is a checkpoint that the log is compared with.
type claim struct {
	mark
	outside bool
	events  bool // the events have this root
	stored  bool // the stored hashes have it
	checked bool // the signature was looked at
	genuine bool // and is this log's
}

// claims are all checkpoints that are in force, in the order of their size.
type claims struct {
	list     []*claim
	restored []Restored
	junk     bool // the outside file holds something else as well
	absent   bool // there is no outside file, or it is empty
	unread   bool // a row of the database is no checkpoint
	inside   int

	file outsideFile
	key  note.Verifier // nil: signatures cannot be looked at
	ctx  context.Context
	q    querier
}

// collectOutside reads the file. What a genuine acceptance of a restored backup
// has made void is left out.
func (c *claims) collectOutside() error {
	var found []*claim
	junk, err := c.file.read(func(m mark) {
		next := &claim{mark: m, outside: true}
		if m.restored != nil && c.genuine(next) {
			c.restored = append(c.restored, *m.restored)
			found = slices.DeleteFunc(found, func(old *claim) bool { return old.size > m.restored.Proven })
		}
		found = append(found, next)
	})
	c.absent = absent(err) || err == nil && len(found) == 0 && !junk
	if err != nil && !c.absent {
		return err
	}
	c.junk, c.list = junk, append(c.list, found...)
	return nil
}

// collectInside reads the database.
func (c *claims) collectInside() error {
	rows, err := c.q.QueryContext(c.ctx, checkpointsList)
	if err != nil {
		return unavailable(c.ctx, "checkpoints", err)
	}
	defer rows.Close()
	for rows.Next() {
		var number int64
		var signed string
		if err := rows.Scan(&number, &signed); err != nil {
			return unavailable(c.ctx, "checkpoints", err)
		}
		p, err := parseCheckpoint(signed)
		if err != nil {
			c.unread = true
			continue
		}
		c.inside++
		c.list = append(c.list, &claim{mark: mark{size: p.Size, root: p.Root, restored: p.Restored, at: number}})
	}
	return unavailable(c.ctx, "checkpoints", rows.Err())
}

func (c *claims) sort() {
	slices.SortStableFunc(c.list, func(a, b *claim) int { return cmp.Compare(a.size, b.size) })
}

// genuine looks at the signature of a claim, once: it is the dearest step. What
// agrees with the log needs none.
func (c *claims) genuine(one *claim) bool {
	if one.checked {
		return one.genuine
	}
	one.checked = true
	if c.key == nil {
		one.genuine = one.outside // what is outside is believed as far as it is held
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

// first is the smallest claim that is genuine and fits.
func (c *claims) first(outside bool, fits func(*claim) bool) *claim {
	for _, one := range c.list {
		if one.outside == outside && fits(one) && c.genuine(one) {
			return one
		}
	}
	return nil
}

// last is the largest claim that is genuine and fits.
func (c *claims) last(outside bool, fits func(*claim) bool) *claim {
	for _, one := range slices.Backward(c.list) {
		if one.outside == outside && fits(one) && c.genuine(one) {
			return one
		}
	}
	return nil
}

// forged says whether the newest of the claims, or one that the log denies, was
// not signed with the key.
func (c *claims) forged(outside bool) bool {
	if c.key == nil {
		return false
	}
	looked := 0
	for _, one := range slices.Backward(c.list) {
		if one.outside != outside || looked > 0 && one.events {
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

// mostLooked bounds how many signatures are looked at in a log whose every
// checkpoint fails.
const mostLooked = 1000

func every(*claim) bool { return true }
