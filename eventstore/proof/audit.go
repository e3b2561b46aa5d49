package proof

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"
)

// compare streams the events and the stored hashes past each other.
func (a *audit) compare(ctx context.Context, events, hashes querier) error {
	group, ctx := errgroup.WithContext(ctx)
	pages, free, stored := make(chan *leaves, 2), make(chan *leaves, 4), make(chan []tlog.Hash, 2)
	for range cap(free) {
		free <- new(leaves)
	}
	after, from := a.last, tlog.StoredHashCount(a.last)
	if after == 0 {
		after = -1 << 63 // positions that must not be are found too
	}
	group.Go(func() error { return produceLeaves(ctx, events, a.store.Dialect(), after, free, pages) })
	group.Go(func() error { return produceHashes(ctx, hashes, from, a.span, stored) })
	group.Go(func() error {
		a.queue.in = stored
		for l := range pages {
			for n := range l.len() {
				a.event(l.at(n))
			}
			free <- l
			if a.progress != nil {
				a.progress(a.last, a.head)
			}
		}
		for a.last < a.hashed {
			a.place(nil)
		}
		for range a.queue.in { // what no whole event has
		}
		return nil
	})
	return group.Wait()
}

// event takes the next row of the log.
func (a *audit) event(l leaf) {
	position := l.position()
	if position <= a.last {
		a.stranger(l)
		a.misplaced.add(position, 1)
		return
	}
	for a.last+1 < position && a.last < a.hashed {
		a.place(nil)
	}
	if missing := position - a.last - 1; missing > 0 { // where nothing was hashed
		a.gap.add(a.last+1, missing)
		a.torn, a.last = true, position-1
	}
	a.place(l)
}

// place compares the next position, whose event is l or nil if there is none:
// with its stored hashes, and the trees with the checkpoints of their size.
func (a *audit) place(l leaf) {
	var h tlog.Hash
	if l == nil {
		a.torn = true
	} else {
		h = l.hash()
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

func (a *audit) placeHashed(l leaf, h tlog.Hash) {
	stored := a.queue.next()
	if stored != h || l == nil {
		if a.stored == nil {
			a.stored = a.events.clone()
		}
		a.fault(fault{a.last + 1, l, stored})
	}
	a.scratch[0] = a.events.push(h, a.scratch[0][:0])
	inner := a.scratch[0]
	if a.stored != nil {
		a.scratch[1] = a.stored.push(stored, a.scratch[1][:0])
		inner = a.scratch[1]
	}
	for _, want := range inner[1:] {
		if a.queue.next() != want && a.inner == 0 {
			a.inner = a.last + 1
		}
	}
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
	for len(a.pending) > 0 && a.pending[0].size <= a.last {
		c := a.pending[0]
		a.pending = a.pending[1:]
		if c.size < a.last {
			continue // the tree never had this size
		}
		c.events = !a.torn && a.events.root() == c.root
		switch {
		case a.last > a.hashed:
		case a.stored != nil:
			c.stored = a.stored.root() == c.root
		default:
			c.stored = c.events
		}
	}
}
