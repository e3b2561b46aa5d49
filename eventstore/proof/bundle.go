package proof

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Bundle is the proof of a range of the log, for a person who has neither the database
// nor this program. It is a zip file of:
//
//	events.ndjson  the events with the positions After+1 to Until, a JSON [Event] to a line
//	checkpoint     a signed checkpoint that covers them
//	key            the public key, in the encoding of golang.org/x/mod/sumdb/note
//	proof.json     this value
//	and files for people
//
// Hashes are those of the subtrees without an event of the range, in the order in which
// the tree is walked from its root, left before right (see [Bundle.root]).
type Bundle struct {
	Format string      `json:"format"`
	After  int64       `json:"after"`
	Until  int64       `json:"until"`
	Size   int64       `json:"size"` // of the checkpoint
	Hashes []tlog.Hash `json:"hashes"`
}

// bundleFormat is the name of the shape of Bundle. A changed shape has another name.
const bundleFormat = "scrapelog.bundle.v1"

// The names of the files in a bundle.
const (
	bundleEvents     = "events.ndjson"
	bundleCheckpoint = "checkpoint"
	bundleKey        = "key"
	bundleProof      = "proof.json"
)

// WriteBundle writes the bundle of a range, and the extra files, which are for people. It
// fails as [Prove] does.
func WriteBundle(ctx context.Context, store *eventstore.Store, configured Files, after, until int64, extra map[string][]byte, to io.Writer) (Bundle, error) {
	key, err := keyOfLog(ctx, store, configured)
	if err != nil {
		return Bundle{}, err
	}
	last, signed, err := Newest(ctx, store)
	if err != nil && !errors.Is(err, errNoCheckpoint) {
		return Bundle{}, err
	}
	if until == 0 {
		until = last.Size
	}
	switch {
	case after < 0 || after >= until:
		return Bundle{}, fmt.Errorf("%w: no signed event is after position %d and up to %d", domain.ErrNotFound, after, until)
	case last.Size < until:
		return Bundle{}, fmt.Errorf("event %d is not sealed yet, the last checkpoint covers %d: %w", until, last.Size, domain.ErrConflict)
	}
	b := Bundle{Format: bundleFormat, After: after, Until: until, Size: last.Size}
	archive := zip.NewWriter(to)
	tree := &rangeTree{b: &b}
	if err := tree.write(ctx, store, archive); err != nil {
		return b, err
	}
	damaged := fmt.Errorf("events %d to %d cannot be proven: %w; run \"scrapelog events verify --all\"", after+1, until, ErrDamaged)
	tree.stored = storedHashes{ctx, store.Reader()}
	root, err := b.root(0, b.Size, tree.leaf, tree.outer)
	switch {
	case errors.Is(err, eventstore.ErrUnavailable):
		return b, err
	case err != nil || root != last.Root || !verified(signed, key.Verifier):
		return b, damaged
	}
	proof, err := json.Marshal(b)
	if err != nil {
		return b, err
	}
	for name, content := range extra {
		err = errors.Join(err, put(archive, name, content))
	}
	return b, errors.Join(err, put(archive, bundleProof, proof), put(archive, bundleCheckpoint, []byte(signed)),
		put(archive, bundleKey, []byte(signingKey(signed, key)+"\n")), archive.Close())
}

func put(archive *zip.Writer, name string, content []byte) error {
	w, err := archive.Create(name)
	if err == nil {
		_, err = w.Write(content)
	}
	return err
}

// root returns the hash of the subtree over the positions after lo and up to hi. leaf
// yields the hash of an event of the range, outer that of a subtree without any.
func (b *Bundle) root(lo, hi int64, leaf func(n int64) (tlog.Hash, error), outer func(lo, hi int64) (tlog.Hash, error)) (tlog.Hash, error) {
	switch {
	case hi <= b.After || lo >= b.Until:
		return outer(lo, hi)
	case hi-lo == 1:
		return leaf(lo - b.After)
	}
	middle := lo + half(hi-lo)
	left, err := b.root(lo, middle, leaf, outer)
	if err != nil {
		return left, err
	}
	right, err := b.root(middle, hi, leaf, outer)
	return nodeHash(left, right), err
}

// half is the largest power of two below n (RFC 6962, 2.1).
func half(n int64) int64 { return 1 << (bits.Len64(uint64(n-1)) - 1) }

// rangeTree collects what a bundle is made of.
type rangeTree struct {
	b      *Bundle
	leaves []tlog.Hash
	stored storedHashes
}

func (t *rangeTree) write(ctx context.Context, store *eventstore.Store, archive *zip.Writer) error {
	w, err := archive.Create(bundleEvents)
	if err != nil {
		return err
	}
	_, err = Each(ctx, store, t.b.After, t.b.Until, func(e Event) error {
		t.leaves = append(t.leaves, tlog.RecordHash(e.Canonical()))
		line, err := stdjson.Marshal(e)
		if err == nil {
			_, err = w.Write(append(line, '\n'))
		}
		return err
	})
	return err
}

var errRange = errors.New("an event of the range is missing")

func (t *rangeTree) leaf(n int64) (tlog.Hash, error) {
	if n >= int64(len(t.leaves)) {
		return tlog.Hash{}, errRange
	}
	return t.leaves[n], nil
}

// outer reads the hash of a subtree, and keeps it for the bundle.
func (t *rangeTree) outer(lo, hi int64) (tlog.Hash, error) {
	h, err := t.subtree(lo, hi)
	t.b.Hashes = append(t.b.Hashes, h)
	return h, err
}

func (t *rangeTree) subtree(lo, hi int64) (tlog.Hash, error) {
	if n := hi - lo; n&(n-1) == 0 {
		level := bits.Len64(uint64(n)) - 1
		hashes, err := t.stored.ReadHashes([]int64{tlog.StoredHashIndex(level, lo>>level)})
		if err != nil {
			return tlog.Hash{}, err
		}
		return hashes[0], nil
	}
	middle := lo + half(hi-lo)
	left, err := t.subtree(lo, middle)
	if err != nil {
		return left, err
	}
	right, err := t.subtree(middle, hi)
	return nodeHash(left, right), err
}

// Checked is what a bundle proves.
type Checked struct {
	Bundle
	Checkpoint Checkpoint `json:"checkpoint"`
	Key        string     `json:"key"`
}

// mostOfFile bounds the small files of a bundle.
const mostOfFile = 1 << 20

// CheckBundle checks a bundle without the database. The error wraps domain.ErrInvalid
// when it is malformed, and ErrFalseProof when it does not hold.
func CheckBundle(file io.ReaderAt, size int64) (Checked, error) {
	archive, err := zip.NewReader(file, size)
	if err != nil {
		return Checked{}, fmt.Errorf("%w: not a bundle: %w", domain.ErrInvalid, err)
	}
	small := map[string][]byte{}
	for _, name := range []string{bundleCheckpoint, bundleKey, bundleProof} {
		if small[name], err = readMember(archive, name); err != nil {
			return Checked{}, fmt.Errorf("%w: not a bundle: %w", domain.ErrInvalid, err)
		}
	}
	c := Checked{Key: string(bytes.TrimSpace(small[bundleKey]))}
	if err := json.Unmarshal(small[bundleProof], &c.Bundle, json.RejectUnknownMembers(true)); err != nil || c.Format != bundleFormat {
		return Checked{}, errors.Join(fmt.Errorf("%w: not a bundle of the format %s", domain.ErrInvalid, bundleFormat), err)
	}
	if c.Checkpoint, err = checkSigned(string(small[bundleCheckpoint]), c.Key); err != nil {
		return Checked{}, err
	}
	if c.Size != c.Checkpoint.Size || c.After < 0 || c.After >= c.Until || c.Until > c.Size {
		return Checked{}, fmt.Errorf("%w: its checkpoint, of %d events, does not cover positions %d to %d", ErrFalseProof, c.Checkpoint.Size, c.After+1, c.Until)
	}
	leaves, err := readLeaves(archive, c.After, c.Until)
	if err != nil {
		return Checked{}, err
	}
	return c, c.checkRoot(leaves)
}

func (c *Checked) checkRoot(leaves []tlog.Hash) error {
	hashes := c.Hashes
	root, err := c.root(0, c.Size, func(n int64) (tlog.Hash, error) { return leaves[n], nil }, func(int64, int64) (h tlog.Hash, err error) {
		if len(hashes) == 0 {
			return h, errRange
		}
		h, hashes = hashes[0], hashes[1:]
		return h, nil
	})
	if err != nil || len(hashes) > 0 || root != c.Checkpoint.Root {
		return fmt.Errorf("%w: these are not the events %d to %d of the log that was signed", ErrFalseProof, c.After+1, c.Until)
	}
	return nil
}

func readMember(archive *zip.Reader, name string) ([]byte, error) {
	f, err := archive.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(f, name, mostOfFile)
}

// readLeaves hashes the events of a bundle.
func readLeaves(archive *zip.Reader, after, until int64) (leaves []tlog.Hash, err error) {
	f, err := archive.Open(bundleEvents)
	if err != nil {
		return nil, fmt.Errorf("%w: not a bundle: %w", domain.ErrInvalid, err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, LongestProof)
	for lines.Scan() {
		var e Event
		if err := json.Unmarshal(lines.Bytes(), &e, json.RejectUnknownMembers(true)); err != nil {
			return nil, fmt.Errorf("%w: %s: line %d: %w", domain.ErrInvalid, bundleEvents, len(leaves)+1, err)
		}
		if e.Position != after+int64(len(leaves))+1 || e.Position > until {
			return nil, fmt.Errorf("%w: %s: line %d has position %d", ErrFalseProof, bundleEvents, len(leaves)+1, e.Position)
		}
		leaves = append(leaves, tlog.RecordHash(e.Canonical()))
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", domain.ErrInvalid, bundleEvents, err)
	}
	if int64(len(leaves)) != until-after {
		return nil, fmt.Errorf("%w: %s has %d events, and %d belong there", ErrFalseProof, bundleEvents, len(leaves), until-after)
	}
	return leaves, nil
}
