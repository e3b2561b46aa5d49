package replay

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"scrapelog/eventstore"
	"scrapelog/projections"
)

// A file of read models is lines of JSON: a head, a line for each row in the
// order of tables and keys, and an end that counts them. The same position of
// the same log makes the same file, byte for byte, on both databases.

// savedFormat opens the head. Changing it makes every saved file a foreign one.
const savedFormat = "scrapelog read models 1"

type savedHead struct {
	Format     string           `json:"format"`
	Position   int64            `json:"position"`
	RecordedAt time.Time        `json:"recorded_at,omitzero"`
	Versions   map[string]int64 `json:"versions"` // of the projections
}

type savedRow struct {
	Table string         `json:"table,omitempty"`
	Row   map[string]any `json:"row,omitempty"`
	Rows  *int           `json:"rows,omitempty"` // of the last line: how many there are
}

// Save replays the log up to a position, 0 or past its end: all of it, and writes
// the read models as they stand there, to be compared with later (see [InFile]).
func Save(ctx context.Context, from *eventstore.Store, until int64, w io.Writer, progress func(done, head int64)) (State, error) {
	r, err := newReplay(from, nil, progress)
	if err != nil {
		return State{}, err
	}
	head, err := from.Head(ctx)
	if err != nil {
		return State{}, err
	}
	if until == 0 || until > head {
		until = head
	}
	if err := r.to(ctx, until); err != nil {
		return State{}, err
	}
	state, err := r.state(ctx)
	if err != nil {
		return State{}, err
	}
	if err := r.save(ctx, w, state); err != nil {
		return State{}, fmt.Errorf("save read models: %w", err)
	}
	return state, nil
}

func (r *replay) save(ctx context.Context, w io.Writer, state State) error {
	buffered := bufio.NewWriter(w)
	lines := json.NewEncoder(buffered)
	head := savedHead{Format: savedFormat, Position: state.Position, RecordedAt: state.RecordedAt, Versions: map[string]int64{}}
	for _, m := range r.models {
		head.Versions[m.Name()] = m.Version()
	}
	if err := lines.Encode(head); err != nil {
		return err
	}
	rows := 0
	for _, m := range r.models {
		for _, table := range m.Tables() {
			saved, err := saveTable(ctx, lines, table)
			if err != nil {
				return err
			}
			rows += saved
		}
	}
	if err := lines.Encode(savedRow{Rows: &rows}); err != nil {
		return err
	}
	return buffered.Flush()
}

func saveTable(ctx context.Context, lines *json.Encoder, table projections.Table) (rows int, err error) {
	columns := projections.Columns(table.Name())
	for values, err := range table.All(ctx) {
		if err != nil {
			return rows, err
		}
		row := map[string]any{}
		for i, value := range values {
			if value != nil {
				row[columns[i]] = value
			}
		}
		if err := lines.Encode(savedRow{Table: table.Name(), Row: row}); err != nil {
			return rows, err
		}
		rows++
	}
	return rows, nil
}

// InFile is the read models in a file that [Save] wrote.
func InFile(path string) Kept { return savedFile(path) }

type savedFile string

func (path savedFile) open(_ context.Context, of []projections.Projection) (kept, error) {
	file, err := os.Open(string(path))
	if err != nil {
		return nil, err
	}
	s := &saved{file: file}
	if err := s.readHead(of); err != nil {
		s.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// saved is an open file of read models.
type saved struct {
	file *os.File
	head savedHead
}

func (s *saved) close() { _ = s.file.Close() }

var errNotSaved = fmt.Errorf("%w: it is no file of read models, or not a whole one", eventstore.ErrForeign)

// lines reads the file again from behind its head.
func (s *saved) lines() (*json.Decoder, error) {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	lines := json.NewDecoder(bufio.NewReader(s.file))
	lines.UseNumber()
	if err := lines.Decode(&s.head); err != nil || s.head.Format != savedFormat {
		return nil, errNotSaved
	}
	return lines, nil
}

func (s *saved) readHead(of []projections.Projection) error {
	if _, err := s.lines(); err != nil {
		return err
	}
	for _, p := range of {
		if version := s.head.Versions[p.Name()]; version != p.Version() {
			return fmt.Errorf("%s: it is of version %d and this program makes version %d: %w", p.Name(), version, p.Version(), projections.ErrNotBuilt)
		}
	}
	return nil
}

func (s *saved) position(context.Context, projections.Projection) (int64, error) {
	return s.head.Position, nil
}

func (s *saved) all(_ context.Context, table string, columns []string) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		lines, err := s.lines()
		for rows := 0; err == nil; rows++ {
			var line savedRow
			if err = lines.Decode(&line); err != nil {
				err = fmt.Errorf("row %d: %w: %w", rows+1, errNotSaved, err)
				break
			}
			if line.Rows != nil {
				if *line.Rows == rows {
					return
				}
				err = fmt.Errorf("%w: it ends after %d of %d rows", errNotSaved, rows, *line.Rows)
				break
			}
			if line.Table == table && !yield(line.values(columns), nil) {
				return
			}
		}
		yield(nil, err)
	}
}

func (r savedRow) values(columns []string) []any {
	values := make([]any, len(columns))
	for i, column := range columns {
		values[i] = r.Row[column]
		if n, ok := values[i].(json.Number); ok {
			if whole, err := n.Int64(); err == nil {
				values[i] = whole
			} else {
				values[i] = n.String()
			}
		}
	}
	return values
}
