package proof

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Each yields the events after a position and up to another, exactly as they are stored,
// from one snapshot. It returns the position of the last one.
func Each(ctx context.Context, store *eventstore.Store, after, until int64, yield func(Event) error) (last int64, err error) {
	tx, err := newSnapshot(ctx, store)
	if err != nil {
		return after, err
	}
	defer tx.close()
	for last = after; ; {
		var page []Event
		if err := readEvents(ctx, tx, store.Dialect(), last, until, stretchLength, func(e Event) { page = append(page, e) }); err != nil {
			return last, err
		}
		for _, e := range page {
			if err := yield(e); err != nil {
				return last, err
			}
			last = e.Position
		}
		if len(page) < stretchLength {
			return last, nil
		}
	}
}

// line is an event as a line of an export: as the API has it, with the hash of its leaf
// and the last position of the export. Data and metadata stand in it byte for byte; if
// they hold a line feed or have white space around them, as text in data_text and
// metadata_text.
type line struct {
	Position     int64           `json:"position"`
	Stream       string          `json:"stream"`
	Version      int64           `json:"version"`
	ID           string          `json:"id"`
	Type         string          `json:"type"`
	RecordedAt   string          `json:"recorded_at"`
	Data         json.RawMessage `json:"data"`
	Metadata     json.RawMessage `json:"metadata"`
	DataText     string          `json:"data_text"`
	MetadataText string          `json:"metadata_text"`
	Hash         string          `json:"hash"`
	Last         int64           `json:"last"`
}

// instant is the time of an event with all its digits.
const instant = "2006-01-02T15:04:05.000000Z"

// AppendLine appends the event as a line of an export that ends at position last.
func (e Event) AppendLine(b []byte, last int64) []byte {
	text := func(s string) string { doc, _ := json.Marshal(s); return string(doc) } // a string always can be
	sum := tlog.RecordHash(e.Canonical())
	b = fmt.Appendf(b, `{"position":%d,"stream":%s,"version":%d,"id":%s,"type":%s,"recorded_at":"%s"`,
		e.Position, text(e.Stream), e.Version, text(e.ID), text(e.Type), time.UnixMicro(e.RecordedAt).UTC().Format(instant))
	for _, part := range [][2]string{{"data", e.Data}, {"metadata", e.Metadata}} {
		if strings.ContainsAny(part[1], "\r\n") || strings.TrimSpace(part[1]) != part[1] {
			b = fmt.Appendf(b, `,"%s_text":%s`, part[0], text(part[1]))
		} else {
			b = fmt.Appendf(b, `,"%s":%s`, part[0], part[1])
		}
	}
	return fmt.Appendf(b, ",\"hash\":\"%s\",\"last\":%d}\n", base64.StdEncoding.EncodeToString(sum[:]), last)
}

// parsed is a line of an export.
type parsed struct {
	event Event
	hash  tlog.Hash // of its leaf
	last  int64     // position of the export
	err   error
}

func parseLine(source []byte) (p parsed) {
	p.event, p.hash, p.last, p.err = readLine(source)
	return p
}

// readLine reads a line of an export. The error says what is wrong with it.
func readLine(source []byte) (e Event, hash tlog.Hash, last int64, err error) {
	var l line
	if err := json.Unmarshal(source, &l); err != nil {
		if _, ok := errors.AsType[*json.SyntaxError](err); ok {
			return e, hash, 0, fmt.Errorf("is not JSON%s, or was cut: %w", otherForm(source), err)
		}
		return e, hash, 0, fmt.Errorf("is not an event: %w", err)
	}
	at, err := time.Parse(instant, l.RecordedAt)
	if err != nil {
		return e, hash, 0, fmt.Errorf("recorded_at %q is not a time with microseconds, in UTC", l.RecordedAt)
	}
	e = Event{
		Position: l.Position, Stream: l.Stream, Version: l.Version, ID: l.ID, Type: l.Type, RecordedAt: at.UnixMicro(),
		Data: l.DataText, Metadata: l.MetadataText,
	}
	if l.Data != nil {
		e.Data = string(l.Data)
	}
	if l.Metadata != nil {
		e.Metadata = string(l.Metadata)
	}
	if l.Hash == "" || l.Last < 1 {
		return e, hash, 0, errors.New(`has no hash or no last position, so it is not a line of "events export"`)
	}
	if hash = tlog.RecordHash(e.Canonical()); base64.StdEncoding.EncodeToString(hash[:]) != l.Hash {
		return e, hash, 0, errors.New("was changed: the event is not the one whose hash the line has")
	}
	if id, err := uuid.Parse(e.ID); err != nil || id.String() != e.ID {
		return e, hash, 0, fmt.Errorf("id %q is not a UUID", e.ID)
	}
	if e.Stream == "" || e.Type == "" || l.Data == nil && !json.Valid([]byte(e.Data)) || l.Metadata == nil && !json.Valid([]byte(e.Metadata)) {
		return e, hash, 0, errors.New("lacks a stream, a type, data or metadata")
	}
	return e, hash, l.Last, nil
}

// otherForm names what programs make of a file of JSON.
func otherForm(source []byte) string {
	for form, begins := range map[string]string{
		" but packed by gzip (unpack it first)": "\x1f\x8b", " but packed by zstd (unpack it first)": "\x28\xb5\x2f\xfd",
		" but begins with a byte order mark (save it without)": "\xef\xbb\xbf", " but UTF-16 (save it as UTF-8)": "\xff\xfe",
	} {
		if bytes.HasPrefix(source, []byte(begins)) {
			return form
		}
	}
	return ""
}

// Exported is a whole log in the lines of an export, read one by one.
type Exported struct {
	Last     int64 // the position that the lines name as the last
	tree     frontier
	versions map[string]int64
	ids      map[uuid.UUID]bool
}

// Add takes the next line. The error wraps domain.ErrInvalid.
func (x *Exported) Add(source []byte) (Event, error) { return x.take(parseLine(source)) }

func (x *Exported) take(p parsed) (Event, error) {
	e, last, err := p.event, p.last, p.err
	if x.versions == nil {
		x.versions, x.ids, x.Last = map[string]int64{}, map[uuid.UUID]bool{}, last
	}
	id, _ := uuid.Parse(e.ID) // parseLine has looked
	switch {
	case err != nil:
	case e.Position != x.tree.size+1:
		err = fmt.Errorf("has position %d, and %d comes next", e.Position, x.tree.size+1)
	case e.Version != x.versions[e.Stream]+1:
		err = fmt.Errorf("has version %d of stream %s, and %d comes next", e.Version, e.Stream, x.versions[e.Stream]+1)
	case x.ids[id]:
		err = fmt.Errorf("has the id %s of an earlier event", id)
	case last != x.Last:
		err = fmt.Errorf("belongs to an export up to position %d, and the lines before to one up to %d", last, x.Last)
	}
	if err != nil {
		return Event{}, fmt.Errorf("%w: line %d %w", domain.ErrInvalid, x.tree.size+1, err)
	}
	x.versions[e.Stream], x.ids[id] = e.Version, true
	x.tree.push(p.hash, nil)
	return e, nil
}

// Tree returns how many lines were taken, and the root of their tree.
func (x *Exported) Tree() (events int64, root tlog.Hash) { return x.tree.size, x.tree.root() }

// Close reports whether all lines were there, and returns the root of the log.
func (x *Exported) Close() (events int64, root tlog.Hash, err error) {
	switch {
	case x.tree.size == 0:
		return 0, root, fmt.Errorf("%w: the file holds no event", domain.ErrInvalid)
	case x.tree.size != x.Last:
		err = fmt.Errorf("%w: line %d is missing: the export has %d events, and the file was cut after %s", domain.ErrInvalid,
			x.tree.size+1, x.Last, strconv.FormatInt(x.tree.size, 10))
	}
	return x.tree.size, x.tree.root(), err
}

// RootOf returns the number of events in a log and the root of their tree, from the
// events alone.
func RootOf(ctx context.Context, store *eventstore.Store) (events int64, root tlog.Hash, err error) {
	var f frontier
	_, err = Each(ctx, store, 0, math.MaxInt64, func(e Event) error {
		f.push(sha256.Sum256(appendLeaf(nil, e)), nil)
		return nil
	})
	return f.size, f.root(), err
}
