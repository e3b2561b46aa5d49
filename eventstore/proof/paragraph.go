package proof

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const signaturePrefix = "— "

// cutNote splits a note into its body and its signatures.
func cutNote(signed string) (body, signatures string, found bool) {
	return strings.Cut(signed, "\n\n")
}

// outsideReader reads the whole file once, and after that only what was added.
type outsideReader struct {
	outsideFile
	info   fs.FileInfo
	state  outsideState
	reread bool // the last refresh read the whole file
}

// forget makes the next refresh read the whole file.
func (o *outsideReader) forget() { o.info = nil }

// refresh reads what was added since it was called last, all of a file that is
// another one, was overwritten or has become shorter. Every note is yielded. A file
// that is missing is an error of fs.ErrNotExist.
func (o *outsideReader) refresh(key note.Verifier, yield func(m mark, accepts bool)) error {
	f, info, err := openRegular(o.path)
	if err != nil {
		*o = outsideReader{outsideFile: o.outsideFile, reread: true}
		return err
	}
	defer f.Close()
	o.reread = o.info == nil || !o.state.whole || !os.SameFile(o.info, info) || info.Size() < o.info.Size() || !o.state.holds(f)
	if o.reread {
		o.state = outsideState{hashed: sha256.New(), whole: true}
	}
	o.info = info
	if info.Size() == o.state.read {
		return nil
	}
	return o.state.readFrom(io.NewSectionReader(f, o.state.read, info.Size()-o.state.read), key, yield)
}

// holds reports whether the last note still is where it was read. A file that was copied
// over this one has other notes there, perhaps of other lengths.
func (s *outsideState) holds(f io.ReaderAt) bool {
	signed := make([]byte, s.last.length)
	_, err := f.ReadAt(signed, s.last.at)
	return !s.found || err == nil && sha256.Sum256(signed) == s.last.sum
}

// readFrom finds the notes in r: a paragraph, an empty line, and the paragraph of
// its signatures.
func (s *outsideState) readFrom(r io.Reader, key note.Verifier, yield func(m mark, accepts bool)) error {
	paragraphs := &paragraphReader{lines: bufio.NewReaderSize(r, 64<<10), at: s.read, hashed: s.hashed, from: s.read}
	var body paragraph
	for {
		p, err := paragraphs.next()
		if errors.Is(err, io.EOF) {
			s.leftover(body)
			s.whole = s.read == paragraphs.at
			return nil
		}
		if err != nil {
			return err
		}
		if strings.Contains(p.text, "\r\n") {
			s.faulty(OutsideGarbled, p.at, "has lines that end in CRLF")
		}
		if !strings.HasPrefix(p.text, signaturePrefix) {
			s.leftover(body)
			body = p
			paragraphs.release(p.at)
			continue
		}
		signed := body.text + "\n" + p.text
		c, err := parseCheckpoint(signed)
		if err != nil || p.at != body.at+int64(len(body.text))+1 || !strings.HasSuffix(p.text, "\n") {
			s.leftover(body)
			s.leftover(p)
			body = paragraph{}
			continue
		}
		m := mark{Checkpoint: c, at: body.at, length: len(signed), sum: sha256.Sum256([]byte(signed))}
		if c.Restored != nil {
			m.before = tlog.Hash(paragraphs.hashed.Sum(nil))
		}
		s.origin(c.Origin)
		yield(m, s.take(m, signed, key))
		paragraphs.release(paragraphs.at)
		s.read, body = paragraphs.at, paragraph{}
	}
}

// leftover judges text that is no note: what a crash leaves of one is passed over.
func (s *outsideState) leftover(p paragraph) {
	if p.text == "" || strings.Trim(p.text, "\x00\n") == "" {
		return
	}
	s.torn = append(s.torn, strings.TrimPrefix(p.text, signaturePrefix))
	if s.found {
		s.origin(s.first.Origin)
	}
}

// origin compares what is left over with the beginning of a note of this log.
func (s *outsideState) origin(origin string) {
	for _, text := range s.torn {
		if line, _, _ := strings.Cut(text, "\n"); !strings.HasPrefix(text, origin) && !strings.HasPrefix(origin, line) && !strings.HasPrefix(signaturePrefix, line) {
			s.faulty(OutsideGarbled, s.read, "holds text that is no checkpoint")
		}
	}
	s.torn = nil
}

type paragraph struct {
	text string
	at   int64
}

// paragraphReader reads paragraphs and hashes what stands before the current one.
type paragraphReader struct {
	lines  *bufio.Reader
	at     int64
	hashed hash.Hash // of everything before from
	held   []byte    // of what was read after it
	from   int64
}

// release hashes what was read up to an offset.
func (r *paragraphReader) release(upTo int64) {
	n := max(0, upTo-r.from)
	_, _ = r.hashed.Write(r.held[:n]) // never fails
	r.held = r.held[:copy(r.held, r.held[n:])]
	r.from += n
}

// next returns the lines up to an empty one. A line or a paragraph that no note
// has is cut into several, so that a file of garbage needs no memory.
func (r *paragraphReader) next() (p paragraph, err error) {
	for len(p.text) < longestParagraph {
		line, err := r.lines.ReadSlice('\n')
		if err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull) {
			return p, err
		}
		r.at += int64(len(line))
		r.held = append(r.held, line...)
		switch {
		case p.text == "" && err == io.EOF && len(line) == 0:
			return p, io.EOF
		case len(line) == 0, string(line) == "\n" && p.text != "":
			return p, nil
		case string(line) == "\n":
			if len(r.held) > longestParagraph {
				r.release(r.at)
			}
			continue
		case p.text == "":
			p.at = r.at - int64(len(line))
		}
		p.text += string(line)
	}
	return p, nil
}

const longestParagraph = 16 << 10
