package worker

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// eachLine calls f with every line of r, without its line end, and with the last
// one if it has none. Of a line longer than 2*maxLine f sees the beginning.
func eachLine(r io.Reader, f func(line []byte)) {
	buf := bufio.NewReaderSize(r, 2*maxLine)
	for {
		line, err := buf.ReadSlice('\n')
		if len(line) > 0 {
			f(bytes.TrimRight(line, "\r\n"))
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = buf.ReadSlice('\n')
		}
		if err != nil {
			return
		}
	}
}

// tally counts what a command prints.
type tally struct {
	lines int64
	last  []byte
}

func (t *tally) add(line []byte) {
	t.lines++
	t.last = append(t.last[:0], line...)
}

// items is the number that the last line gives, as {"items":N} and nothing else,
// or the number of lines.
func (t *tally) items() int64 {
	var final struct {
		Items *int64 `json:"items"`
	}
	dec := json.NewDecoder(bytes.NewReader(t.last))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&final); err != nil || dec.More() || final.Items == nil || *final.Items < 0 {
		return t.lines
	}
	return *final.Items
}
