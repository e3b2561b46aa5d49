package proof

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// mark is a checkpoint that was found somewhere, without its note.
type mark struct {
	size     int64
	root     tlog.Hash
	restored *Restored
	at       int64 // outside: where the note begins; inside: its number
	length   int   // outside: of the note
}

// outsideFile is the copy of the checkpoints that is kept outside the database:
// notes one after the other, each followed by an empty line, appended and never
// changed. What a crash has left of a note that was being written is passed
// over, here and by every later reader.
type outsideFile struct{ path string }

// append adds a note and returns when it is on the disk.
func (o outsideFile) append(signed string) error {
	dir := filepath.Dir(o.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(o.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	before, err := endsAt(f)
	if err == nil {
		_, err = f.WriteString(before + signed + "\n") // one write: other instances may append too
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return syncDir(dir)
}

// endsAt returns what must be written first so that a note begins on its own,
// whatever a crash has left behind.
func endsAt(f *os.File) (before string, err error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return "", err
	}
	end := make([]byte, min(size, 2))
	if _, err := f.ReadAt(end, size-int64(len(end))); err != nil {
		return "", err
	}
	if string(end) == "\n\n" {
		return "", nil
	}
	return "\n\n", nil
}

// note reads the note of a mark.
func (o outsideFile) note(m mark) (string, error) {
	f, err := os.Open(o.path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	signed := make([]byte, m.length)
	_, err = f.ReadAt(signed, m.at)
	return string(signed), err
}

// tail is how much of the file is read to find its last checkpoint.
const tail = 64 << 10

// last is the checkpoint that the log must follow from: the largest since the
// last one that accepts a restored backup. There is none in a file that is
// missing or empty.
func (o outsideFile) last() (last mark, found bool, err error) {
	f, err := os.Open(o.path)
	if absent(err) {
		return mark{}, false, nil
	}
	if err != nil {
		return mark{}, false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return mark{}, false, err
	}
	for _, from := range []int64{max(0, info.Size()-tail), 0} {
		_, err = readMarks(io.NewSectionReader(f, from, info.Size()-from), func(m mark) {
			if from > 0 && m.at == 0 { // cut
				return
			}
			if !found || m.restored != nil || m.size >= last.size {
				m.at += from
				last, found = m, true
			}
		})
		if err != nil || found {
			return last, found, err
		}
	}
	return mark{}, false, err
}

// read yields every checkpoint in the order of the file. It says whether the
// file holds anything else, and errors of fs.ErrNotExist when there is no file.
func (o outsideFile) read(yield func(mark)) (junk bool, err error) {
	f, err := os.Open(o.path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	return readMarks(f, yield)
}

const signaturePrefix = "— "

// readMarks finds the notes in r: a paragraph, an empty line, and the paragraph
// of its signatures.
func readMarks(r io.Reader, yield func(mark)) (junk bool, err error) {
	paragraphs := paragraphReader{lines: bufio.NewReader(r)}
	var body paragraph
	for {
		p, err := paragraphs.next()
		if err == io.EOF {
			return junk || body.text != "", nil
		}
		if err != nil {
			return junk, err
		}
		if !strings.HasPrefix(p.text, signaturePrefix) {
			junk = junk || body.text != ""
			body = p
			continue
		}
		c, err := parseCheckpoint(body.text + "\n" + p.text)
		if err != nil || p.at != body.at+int64(len(body.text))+1 || !strings.HasSuffix(p.text, "\n") {
			junk, body = true, paragraph{}
			continue
		}
		yield(mark{size: c.Size, root: c.Root, restored: c.Restored, at: body.at, length: len(body.text) + 1 + len(p.text)})
		body = paragraph{}
	}
}

type paragraph struct {
	text string
	at   int64
}

type paragraphReader struct {
	lines *bufio.Reader
	at    int64
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
		switch {
		case p.text == "" && err == io.EOF && len(line) == 0:
			return p, io.EOF
		case len(line) == 0, string(line) == "\n" && p.text != "":
			return p, nil
		case string(line) == "\n":
			continue
		case p.text == "":
			p.at = r.at - int64(len(line))
		}
		p.text += string(line)
	}
	return p, nil
}

const longestParagraph = 16 << 10
