package proof

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/domain"
)

// readExport takes a whole file.
func readExport(t *testing.T, file []byte) (events []Event, root tlog.Hash, err error) {
	t.Helper()
	var x Exported
	err = x.Read(t.Context(), bytes.NewReader(file), func(e Event) error { events = append(events, e); return nil })
	if err == nil {
		_, root, err = x.Close()
	}
	return events, root, err
}

// TestEveryDamageOfAnExportIsSeen cuts an export at each byte and changes each byte of it:
// a file that is taken holds the same events, and the error names the line.
func TestEveryDamageOfAnExportIsSeen(t *testing.T) {
	var file []byte
	const events = 4
	for i := range int64(events) {
		data := `{"at":"2026-11-28T12:00:00Z","scraper":"shop"}`
		if i == 3 {
			data = "{\n \"scraper\": \"shop\" }" // stands in the line as text
		}
		e := Event{
			Position: i + 1, Stream: fmt.Sprintf("scraper-%d", i%2), Version: i/2 + 1, ID: fmt.Sprintf("0198c2f4-0000-7000-8000-%012d", i),
			Type: "scraper.paused", RecordedAt: 1_700_000_000_000_000 + i, Data: data, Metadata: `{"actor":"test"}`,
		}
		file = e.AppendLine(file, events)
	}
	want, root, err := readExport(t, file)
	if err != nil || len(want) != events {
		t.Fatal(len(want), err)
	}
	same := func(what string, line int, damaged []byte) {
		t.Helper()
		got, now, err := readExport(t, damaged)
		if err == nil {
			if !slices.Equal(got, want) || now != root {
				t.Errorf("%s: taken, with other events", what)
			}
			return
		}
		if says := fmt.Sprintf("line %d ", line); len(damaged) > 0 && !strings.Contains(err.Error(), says) || !errors.Is(err, domain.ErrInvalid) {
			t.Errorf("%s: %v, want %s", what, err, says)
		}
	}
	for at := range file {
		line := bytes.Count(file[:at], []byte("\n")) + 1
		cut, changed, mask := line, line, byte(1)<<(at%8)
		if file[at] == '\n' { // the line is whole: the next is missing
			cut++
		}
		if bytes.HasPrefix(file[at:], []byte(strconv.Itoa(events)+"}\n")) && line == 1 { // the second line contradicts it
			changed, mask = line+1, 1 // another digit
		}
		same(fmt.Sprintf("cut at %d", at), cut, file[:at])
		flipped := bytes.Clone(file)
		flipped[at] ^= mask
		same(fmt.Sprintf("a bit of byte %d", at), changed, flipped)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(file), "\n"), "\n")
	for i := range lines[:events-1] {
		swapped := slices.Clone(lines)
		swapped[i], swapped[i+1] = strings.TrimSuffix(swapped[i+1], "\n")+"\n", swapped[i]
		same(fmt.Sprintf("lines %d and %d swapped", i+1, i+2), i+1, []byte(strings.Join(swapped, "")))
		same(fmt.Sprintf("line %d twice", i+1), i+2, []byte(strings.Join(slices.Insert(slices.Clone(lines), i, lines[i]), "")))
		same(fmt.Sprintf("line %d missing", i+1), i+1, []byte(strings.Join(slices.Delete(slices.Clone(lines), i, i+1), "")))
	}
}
