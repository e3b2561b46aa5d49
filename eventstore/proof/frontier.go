package proof

import (
	"crypto/sha256"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// frontier is a Merkle tree that only grows: the roots of its perfect subtrees,
// the largest first. It grows without any stored hash. The zero value is the empty tree.
type frontier struct {
	size  int64
	roots []tlog.Hash
}

// push adds the next leaf and appends to out what is to be stored for it, in
// the order of tlog.StoredHashes.
func (f *frontier) push(h tlog.Hash, out []tlog.Hash) []tlog.Hash {
	out = append(out, h)
	for n := f.size; n&1 == 1; n >>= 1 {
		last := len(f.roots) - 1
		h = nodeHash(f.roots[last], h)
		f.roots = f.roots[:last]
		out = append(out, h)
	}
	f.roots = append(f.roots, h)
	f.size++
	return out
}

// root returns the hash of the whole tree; for the empty tree the hash of no bytes
// (RFC 6962).
func (f *frontier) root() tlog.Hash {
	if len(f.roots) == 0 {
		return sha256.Sum256(nil)
	}
	h := f.roots[len(f.roots)-1]
	for i := len(f.roots) - 2; i >= 0; i-- {
		h = nodeHash(f.roots[i], h)
	}
	return h
}

func (f *frontier) clone() *frontier {
	return &frontier{f.size, append([]tlog.Hash(nil), f.roots...)}
}

// frontierIndexes are the stored hashes that make the frontier of a tree.
func frontierIndexes(size int64) []int64 {
	var indexes []int64
	var done int64
	for level := bits.Len64(uint64(size)) - 1; level >= 0; level-- {
		if size&(1<<level) != 0 {
			indexes = append(indexes, tlog.StoredHashIndex(level, done>>level))
			done += 1 << level
		}
	}
	return indexes
}
