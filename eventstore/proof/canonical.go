package proof

import (
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/eventstore"
)

// canonicalTag opens the canonical bytes of every event and names their
// version. Changing it, or anything below, changes every hash of every log.
const canonicalTag = "scrapelog.event.v1\n"

// Event is an event exactly as it is stored.
type Event eventstore.Stored

// Canonical returns the bytes that are hashed: the tag, then position, stream,
// version, id, type, recorded_at, metadata and data. Each field is preceded by
// its length in bytes, 4 bytes big-endian; a number is 8 bytes big-endian, text
// is its bytes.
func (e Event) Canonical() []byte { return e.append(nil) }

func (e Event) append(b []byte) []byte {
	b = append(b, canonicalTag...)
	b = appendNumber(b, e.Position)
	b = appendText(b, e.Stream)
	b = appendNumber(b, e.Version)
	b = appendText(b, e.ID)
	b = appendText(b, e.Type)
	b = appendNumber(b, e.RecordedAt)
	b = appendText(b, e.Metadata)
	return appendText(b, e.Data)
}

func appendNumber(b []byte, n int64) []byte {
	b = binary.BigEndian.AppendUint32(b, 8)
	return binary.BigEndian.AppendUint64(b, uint64(n))
}

func appendText[T string | []byte](b []byte, text T) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	return append(b, text...)
}

// leafPrefix and nodePrefix keep leaves and inner nodes apart (RFC 6962, 2.1).
const (
	leafPrefix = 0
	nodePrefix = 1
)

// leaf is an event's canonical bytes behind the leaf prefix, so that they are
// hashed in one pass.
type leaf []byte

func appendLeaf(b []byte, e Event) []byte { return e.append(append(b, leafPrefix)) }

func (l leaf) hash() tlog.Hash { return sha256.Sum256(l) }

// positionAt is the offset of the position in a leaf.
const positionAt = 1 + len(canonicalTag) + 4

func (l leaf) position() int64 { return int64(binary.BigEndian.Uint64(l[positionAt:])) }

// at returns the hash that the event would have at another position.
func (l leaf) at(position int64) tlog.Hash {
	moved := append(leaf(nil), l...)
	binary.BigEndian.PutUint64(moved[positionAt:], uint64(position))
	return moved.hash()
}

func nodeHash(left, right tlog.Hash) tlog.Hash {
	var b [1 + 2*tlog.HashSize]byte
	b[0] = nodePrefix
	copy(b[1:], left[:])
	copy(b[1+tlog.HashSize:], right[:])
	return sha256.Sum256(b[:])
}
