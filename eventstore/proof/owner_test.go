package proof

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var tables = []string{"events", "log_hashes", "log_checkpoints", "log_cosignatures"}

// keep remembers the log and what is outside, for putBack.
func (l *log) keep() {
	l.Helper()
	for _, table := range tables {
		l.own(`CREATE TABLE true_` + table + ` AS SELECT * FROM ` + table)
	}
	copyFile(l.T, l.files.Checkpoints, l.files.Checkpoints+".true")
}

func (l *log) putBack() {
	l.Helper()
	var statements []string
	for _, table := range tables {
		statements = append(statements, `DELETE FROM `+table, `INSERT INTO `+table+` SELECT * FROM true_`+table)
	}
	l.own(statements...)
	copyFile(l.T, l.files.Checkpoints+".true", l.files.Checkpoints)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// rehash makes the stored hashes agree with the events that are sealed, without
// any key.
func (l *log) rehash() {
	l.Helper()
	var sealed int64
	for _, c := range l.stored() {
		sealed = max(sealed, c.Size)
	}
	var events leaves
	if err := readEvents(l.ctx, l.store.Reader(), l.store.Dialect(), 0, sealed, int(sealed), events.add); err != nil {
		l.Fatal(err)
	}
	var f frontier
	var hashes []tlog.Hash
	for n := range events.len() {
		hashes = f.push(events.at(n).hash(), hashes)
	}
	l.putHashes(hashes)
}

func (l *log) putHashes(hashes []tlog.Hash) {
	l.Helper()
	err := l.store.InTx(l.ctx, func(ctx context.Context, tx *sql.Tx) error {
		return putHashes(ctx, tx, l.store.Dialect(), 0, hashes)
	})
	if err != nil {
		l.Fatal(err)
	}
}

// spoil writes another hash over a stored one.
func (l *log) spoil(i int64) {
	l.Helper()
	stored := storedHashes{l.ctx, l.store.Reader()}
	span, _, err := stored.span()
	if err != nil {
		l.Fatal(err)
	}
	hashes, err := stored.read(0, span, nil)
	if err != nil {
		l.Fatal(err)
	}
	hashes[i] = hashes[0]
	l.putHashes(hashes)
}

// resign signs, with the given key, every checkpoint in the database again for
// the hashes that are stored there. It returns what it signed.
func (l *log) resign(key note.Signer) (signed []string) {
	l.Helper()
	var sizes []int64
	for _, c := range l.stored() {
		sizes = append(sizes, c.Size)
	}
	l.own(`DELETE FROM log_checkpoints`)
	for _, size := range sizes {
		signed = append(signed, l.sign(key, size))
	}
	l.put(signed...)
	return signed
}

// put adds checkpoints to the database.
func (l *log) put(signed ...string) {
	l.Helper()
	err := l.store.InTx(l.ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, s := range signed {
			if err := putCheckpoint(ctx, tx, s, noon); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		l.Fatal(err)
	}
}

// sign makes a checkpoint of the stored hashes.
func (l *log) sign(key note.Signer, size int64) string {
	l.Helper()
	f, err := storedHashes{l.ctx, l.store.Reader()}.frontier(size)
	if err != nil {
		l.Fatal(err)
	}
	signed, err := Checkpoint{Origin: key.Name(), Size: size, Root: f.root()}.sign(key)
	if err != nil {
		l.Fatal(err)
	}
	return signed
}

// stored lists the checkpoints in the database that can be read.
func (l *log) stored() (all []Checkpoint) {
	l.Helper()
	rows, err := l.store.Reader().QueryContext(l.ctx, checkpointsList)
	if err != nil {
		l.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var number int64
		var sealedAt int64
		var signed string
		if err := rows.Scan(&number, &signed, &sealedAt); err != nil {
			l.Fatal(err)
		}
		c, err := parseCheckpoint(signed)
		if err == nil {
			all = append(all, c)
		}
	}
	return all
}

// outside lists the sizes of the checkpoints in the file.
func (l *log) outside() (sizes []int64) {
	l.Helper()
	o := outsideReader{outsideFile: outsideFile{l.files.Checkpoints}}
	if err := o.refresh(nil, func(m mark, _ bool) { sizes = append(sizes, m.Size) }); err != nil && !absent(err) {
		l.Fatal(err)
	}
	return sizes
}

// stranger is a key that is not the log's, under the name of the log's.
func (l *log) stranger() note.Signer {
	l.Helper()
	private, _, err := note.GenerateKey(nil, l.sealer.key.Verifier.Name())
	if err != nil {
		l.Fatal(err)
	}
	key, err := note.NewSigner(private)
	if err != nil {
		l.Fatal(err)
	}
	return key
}

// forgeOutside replaces the file by one that agrees with the stored hashes and
// is signed with the given key.
func (l *log) forgeOutside(key note.Signer) {
	l.Helper()
	var file []byte
	for _, c := range append(l.stored(), Checkpoint{}) {
		if _, err := (storedHashes{l.ctx, l.store.Reader()}).frontier(c.Size); err == nil {
			file = append(file, l.sign(key, c.Size)+"\n"...)
		}
	}
	if err := os.WriteFile(l.files.Checkpoints, file, 0o600); err != nil {
		l.Fatal(err)
	}
}

func (l *log) removeOutside() {
	l.Helper()
	if err := os.Remove(l.files.Checkpoints); err != nil {
		l.Fatal(err)
	}
}

func (l *log) outsideText() string {
	l.Helper()
	content, err := os.ReadFile(l.files.Checkpoints)
	if err != nil {
		l.Fatal(err)
	}
	return string(content)
}

// cutOutside ends the file after the checkpoint of that size.
func (l *log) cutOutside(size int64) {
	l.Helper()
	o := outsideReader{outsideFile: outsideFile{l.files.Checkpoints}}
	var end int64
	if err := o.refresh(nil, func(m mark, _ bool) {
		if m.Size == size {
			end = m.at + int64(m.length) + 1
		}
	}); err != nil {
		l.Fatal(err)
	}
	l.replaceOutside(l.outsideText()[:end])
}

// noteOutside is the last note of that size in the file.
func (l *log) noteOutside(size int64) (signed string) {
	l.Helper()
	o := outsideReader{outsideFile: outsideFile{l.files.Checkpoints}}
	text := l.outsideText()
	if err := o.refresh(nil, func(m mark, _ bool) {
		if m.Size == size {
			signed = text[m.at : m.at+int64(m.length)]
		}
	}); err != nil || signed == "" {
		l.Fatal(size, err)
	}
	return signed
}

// removeProof leaves nothing but the events.
func (l *log) removeProof() {
	l.Helper()
	l.own(`DELETE FROM log_hashes`, `DELETE FROM log_checkpoints`)
	l.remove(l.files.Key)
	l.removeOutside()
}

// redate gives a checkpoint in the database another time, beside it and in it.
func (l *log) redate(number int) {
	l.Helper()
	c := l.stored()[number-1]
	at := c.SealedAt.Add(-time.Hour)
	l.own(fmt.Sprintf(`UPDATE log_checkpoints SET sealed_at = %d, note = replace(note, '%s', '%s') WHERE number = %d`,
		at.UnixMicro(), c.SealedAt.Format(time.RFC3339Nano), at.Format(time.RFC3339Nano), number))
}
