package proof

import (
	"context"
	"math"

	"golang.org/x/mod/sumdb/tlog"
)

// compare compares the events with their stored hashes, and then reads the events that
// have none.
func (a *audit) compare(ctx context.Context, tx *snapshot) error {
	if a.result.Since == 0 {
		if err := a.rest(ctx, tx, math.MinInt64, 0); err != nil { // positions that cannot be
			return err
		}
	}
	if err := a.stretches(ctx, tx); err != nil {
		return err
	}
	err := a.rest(ctx, tx, a.hashed, math.MaxInt64)
	if err == nil && a.progress != nil {
		a.progress(a.head, a.head)
	}
	return err
}

// rest reads the events without stored hashes, page by page.
func (a *audit) rest(ctx context.Context, tx *snapshot, after, until int64) error {
	var l leaves
	for {
		l.reset()
		if err := l.read(ctx, tx, after, until, stretchLength); err != nil {
			return err
		}
		for n := range l.len() {
			a.event(l.at(n), l.at(n).hash())
		}
		if l.len() < stretchLength {
			return nil
		}
		after = l.at(l.len() - 1).position()
		a.tell()
	}
}

// stretches reads and hashes on several connections and compares in order.
func (a *audit) stretches(ctx context.Context, tx *snapshot) error {
	s, err := newStretcher(ctx, a.store, tx, a.result.Since)
	if err != nil {
		return err
	}
	return s.run(ctx, a.last, a.hashed, func(s *stretch) {
		a.queue = s.stored
		for a.last < min(s.until, a.result.Since) {
			a.placeTrusted()
		}
		for n := range s.leaves.len() {
			a.event(s.leaves.at(n), s.hashes[n])
		}
		for a.last < s.until {
			a.place(nil, tlog.Hash{})
		}
		a.tell()
	})
}

// tell reports the progress of the pass; compare reports its end, once.
func (a *audit) tell() {
	if a.progress != nil && a.last < a.head {
		a.progress(a.last, a.head)
	}
}

// event takes the next row of the log.
func (a *audit) event(l leaf, h tlog.Hash) {
	position := l.position()
	if position <= a.last {
		a.stranger(l)
		a.misplaced.add(position, 1)
		return
	}
	for a.last+1 < position && a.last < a.hashed {
		a.place(nil, tlog.Hash{})
	}
	if missing := position - a.last - 1; missing > 0 { // where nothing was hashed
		a.gap.add(a.last+1, missing)
		a.torn, a.last = true, position-1
	}
	a.place(l, h)
}

// place compares the next position, whose event is l or nil if there is none:
// with its stored hashes, and the trees with the checkpoints of their size.
func (a *audit) place(l leaf, h tlog.Hash) {
	if l == nil {
		a.torn = true
	} else {
		a.present++
	}
	if a.last >= a.hashed {
		if len(a.faults) > 0 {
			a.stranger(l)
		}
		a.scratch[0] = a.events.push(h, a.scratch[0][:0])
	} else {
		a.placeHashed(l, h)
	}
	a.last++
	a.settle()
}

// placeTrusted takes the stored hash of the next position for that of its event.
func (a *audit) placeTrusted() {
	a.present++
	h := a.next()
	a.grow(h, h)
	a.last++
	a.settle()
}

func (a *audit) placeHashed(l leaf, h tlog.Hash) {
	stored := a.next()
	if stored != h || l == nil {
		if a.stored == nil {
			a.stored = a.events.clone()
		}
		a.fault(fault{a.last + 1, l, stored})
	}
	a.grow(h, stored)
}

// grow adds the leaf of the next position to the trees, and compares the inner hashes
// that are stored for it.
func (a *audit) grow(h, stored tlog.Hash) {
	a.scratch[0] = a.events.push(h, a.scratch[0][:0])
	inner := a.scratch[0]
	if a.stored != nil {
		a.scratch[1] = a.stored.push(stored, a.scratch[1][:0])
		inner = a.scratch[1]
	}
	for _, want := range inner[1:] {
		if a.next() != want && a.inner == 0 {
			a.inner = a.last + 1
		}
	}
}

// next returns the next stored hash.
func (a *audit) next() (h tlog.Hash) {
	h, a.queue = a.queue[0], a.queue[1:]
	return h
}

func (a *audit) fault(f fault) {
	a.count++
	if len(a.faults) < mostFaults {
		if f.event != nil {
			f.event = append(leaf(nil), f.event...) // pages are used again
		}
		a.faults = append(a.faults, f)
	}
}

// add counts bad positions from the first on.
func (d *Damage) add(position, count int64) {
	if d.Count == 0 {
		d.Position = position
	}
	d.Count += count
}

func (a *audit) stranger(l leaf) {
	if len(a.strangers) < mostFaults {
		a.strangers = append(a.strangers, append(leaf(nil), l...))
	}
}

// settle compares the trees, which have grown to the last position, with the
// checkpoints of their size.
func (a *audit) settle() {
	for len(a.pending) > 0 && a.pending[0].Size <= a.last {
		c := a.pending[0]
		a.pending = a.pending[1:]
		if c.Size < a.last {
			continue // the tree never had this size
		}
		c.events = !a.torn && a.events.root() == c.Root
		switch {
		case a.last > a.hashed:
		case a.stored != nil:
			c.stored = a.stored.root() == c.Root
		default:
			c.stored = c.events
		}
	}
}
