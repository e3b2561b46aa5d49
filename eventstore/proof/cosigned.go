package proof

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/eventstore"
)

// cosignatures are the two copies of what witnesses have signed, as one pass reads them:
// the file, the database, and then what was added to the file meanwhile.
type cosignatures struct {
	witnesses []Witness
	file      string
	absent    bool
	read      int64                  // of the file, up to the end of its last note
	outside   map[tlog.Hash]bool     // the notes in the file, and whether the database has them
	inside    map[tlog.Hash]cosigned // the rows that the file has not
	newest    map[signer][]cosigned  // by each key, inside and outside
	last      map[string]tlog.Hash   // the newest row, by what it is marked with
	rows      int64
	hole      int64 // the first number that is missing
}

// cosigned is a checkpoint with the signature of a witness.
type cosigned struct {
	Checkpoint
	note    string
	kept    string
	outside bool
}

func newCosignatures(files Files, witnesses []Witness) cosignatures {
	return cosignatures{
		witnesses: witnesses, file: files.cosignedFile(), outside: map[tlog.Hash]bool{}, inside: map[tlog.Hash]cosigned{},
		newest: map[signer][]cosigned{}, last: map[string]tlog.Hash{},
	}
}

// collectOutside reads the file; again: what was added to it since, which may be newer
// than what was read of the database. void tells of checkpoints that an acceptance has
// ended: no copy of them need be there.
func (c *cosignatures) collectOutside(again bool, void func(Checkpoint) bool) error {
	f, info, err := openRegular(c.file)
	if c.absent = absent(err); c.absent {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	read, err := eachNote(io.NewSectionReader(f, c.read, max(0, info.Size()-c.read)), func(signed string) {
		p, err := parseCheckpoint(signed)
		if err != nil || void(p) {
			return
		}
		sum := tlog.Hash(sha256.Sum256([]byte(signed)))
		delete(c.inside, sum)
		if !again {
			c.outside[sum] = false
			c.note(cosigned{p, signed, "", true})
		}
	})
	c.read += read
	return err
}

// collectInside reads the database.
func (c *cosignatures) collectInside(ctx context.Context, q eventstore.Querier, void func(Checkpoint) bool) error {
	return unavailable(ctx, "cosignatures", eventstore.EachRow(ctx, q, cosignaturesList, nil, func(row eventstore.Scanner) error {
		var number int64
		var one cosigned
		if err := row.Scan(&number, &one.note, &one.kept); err != nil {
			return err
		}
		one.Checkpoint, _ = parseCheckpoint(one.note) // one that is none is in no file
		follows := number == c.rows+1
		c.rows = number
		if void(one.Checkpoint) {
			return nil
		}
		if !follows && c.hole == 0 {
			c.hole = number - 1
		}
		sum := tlog.Hash(sha256.Sum256([]byte(one.note)))
		c.last[one.kept] = sum
		if _, there := c.outside[sum]; there {
			c.outside[sum] = true
		} else {
			c.inside[sum] = one
		}
		c.note(one)
		return nil
	}))
}

// note keeps a checkpoint if it is the largest that claims to be of a key, in its copy.
func (c *cosignatures) note(one cosigned) {
	for _, by := range signers(one.note) {
		before := c.newest[by]
		i := 0
		for i < len(before) && before[i].outside != one.outside {
			i++
		}
		switch {
		case i == len(before):
			c.newest[by] = append(before, one)
		case before[i].Size <= one.Size:
			before[i] = one
		}
	}
}

// eachNote yields the signed notes in r. It returns the offset behind the last one.
func eachNote(r io.Reader, yield func(signed string)) (end int64, err error) {
	paragraphs := &paragraphReader{lines: bufio.NewReaderSize(r, 64<<10), hashed: sha256.New()}
	var body paragraph
	for {
		p, err := paragraphs.next()
		paragraphs.release(paragraphs.at)
		switch {
		case errors.Is(err, io.EOF):
			return end, nil
		case err != nil:
			return end, err
		case !strings.HasPrefix(p.text, signaturePrefix):
			body = p
		case strings.HasSuffix(p.text, "\n"):
			yield(body.text + "\n" + p.text)
			body, end = paragraph{}, paragraphs.at
		}
	}
}
