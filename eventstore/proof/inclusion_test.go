package proof

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
)

func TestEverySealedEventIsProvenOffline(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newSealedLog(t, db)
		for position := int64(1); position <= 44; position++ {
			made, err := Prove(l.ctx, l.store, l.files, position)
			if err != nil {
				t.Fatal(err)
			}
			file, err := json.Marshal(made)
			if err != nil {
				t.Fatal(err)
			}
			var read Proof
			if err := json.Unmarshal(file, &read); err != nil || !cmp.Equal(made, read) {
				t.Fatalf("%s reads as %+v, %v", file, read, err)
			}
			c, err := read.Check()
			if err != nil || c.Size != 44 || read.Event.Position != position {
				t.Errorf("position %d: %+v, %v", position, c, err)
			}
		}
	})
}

func TestProveRefuses(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		l := newSealedLog(t, db)
		l.own(edit)
		l.spoil(78)
		for position, want := range map[int64]error{
			17: ErrDamaged, 42: ErrDamaged, 45: domain.ErrConflict, 47: domain.ErrNotFound, 0: domain.ErrNotFound,
		} {
			if _, err := Prove(l.ctx, l.store, l.files, position); !errors.Is(err, want) {
				t.Errorf("position %d: %v, want %v", position, err, want)
			}
		}
	})
}

func TestAFalseProofIsFound(t *testing.T) {
	l := newSealedLog(t, eventstoretest.SQLite(t))
	other := newSealedLog(t, eventstoretest.SQLite(t))
	stolen, err := Prove(l.ctx, other.store, other.files, 17)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*Proof)
		want   error
	}{
		"another position":           {func(p *Proof) { p.Event.Position++ }, ErrFalseProof},
		"position 0":                 {func(p *Proof) { p.Event.Position = 0 }, ErrFalseProof},
		"a position past the log":    {func(p *Proof) { p.Event.Position = 45 }, ErrFalseProof},
		"another stream":             {func(p *Proof) { p.Event.Stream += "0" }, ErrFalseProof},
		"another version":            {func(p *Proof) { p.Event.Version = 2 }, ErrFalseProof},
		"another id":                 {func(p *Proof) { p.Event.ID = "" }, ErrFalseProof},
		"another type":               {func(p *Proof) { p.Event.Type = "run.failed" }, ErrFalseProof},
		"another time":               {func(p *Proof) { p.Event.RecordedAt++ }, ErrFalseProof},
		"other metadata":             {func(p *Proof) { p.Event.Metadata += " " }, ErrFalseProof},
		"other data":                 {func(p *Proof) { p.Event.Data = "{}" }, ErrFalseProof},
		"metadata moved into stream": {func(p *Proof) { p.Event.Metadata, p.Event.Data = "", p.Event.Metadata+p.Event.Data }, ErrFalseProof},
		"a hash left out":            {func(p *Proof) { p.Hashes = p.Hashes[1:] }, ErrFalseProof},
		"a hash too many":            {func(p *Proof) { p.Hashes = append(p.Hashes, p.Hashes[0]) }, ErrFalseProof},
		"another hash":               {func(p *Proof) { p.Hashes = slices.Clone(p.Hashes); p.Hashes[2][0] ^= 1 }, ErrFalseProof},
		"another log's checkpoint":   {func(p *Proof) { p.Checkpoint, p.Key = stolen.Checkpoint, stolen.Key }, ErrFalseProof},
		"another log's key":          {func(p *Proof) { p.Key = stolen.Key }, ErrFalseProof},
		"a larger checkpoint":        {func(p *Proof) { p.Checkpoint = "x\n99\n" + p.Checkpoint[len(p.Checkpoint)-60:] }, domain.ErrInvalid},
		"no checkpoint":              {func(p *Proof) { p.Checkpoint = "" }, domain.ErrInvalid},
		"no key":                     {func(p *Proof) { p.Key = "" }, domain.ErrInvalid},
		"another format":             {func(p *Proof) { p.Format = "scrapelog.proof.v2" }, domain.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Prove(l.ctx, l.store, l.files, 17)
			if err != nil {
				t.Fatal(err)
			}
			test.change(&p)
			if _, err := p.Check(); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}
