package webtest

import (
	"bytes"
	"encoding/json"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
)

// origin names the canned log, and the key that signs for it.
const origin = "scrapelog.example/canned"

// prove makes the true proof that an event is among the first size of records.
func prove(records []eventstore.Recorded, size, position int64) (proof.Proof, error) {
	var hashes []tlog.Hash
	stored := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = hashes[index]
		}
		return found, nil
	})
	for n, rec := range records[:size] {
		event, err := canonical(rec)
		if err != nil {
			return proof.Proof{}, err
		}
		added, err := tlog.StoredHashes(int64(n), event.Canonical(), stored)
		if err != nil {
			return proof.Proof{}, err
		}
		hashes = append(hashes, added...)
	}
	path, err := tlog.ProveRecord(size, position-1, stored)
	if err != nil {
		return proof.Proof{}, err
	}
	root, err := tlog.TreeHash(size, stored)
	if err != nil {
		return proof.Proof{}, err
	}
	return signed(records[position-1], path, fmt.Sprintf("%s\n%d\n%s\n", origin, size, root))
}

func signed(rec eventstore.Recorded, path []tlog.Hash, checkpoint string) (proof.Proof, error) {
	// A key made of nothing but a constant: the pages are the same each time.
	private, public, err := note.GenerateKey(bytes.NewReader(make([]byte, 64)), origin)
	if err != nil {
		return proof.Proof{}, err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return proof.Proof{}, err
	}
	text, err := note.Sign(&note.Note{Text: checkpoint}, signer)
	if err != nil {
		return proof.Proof{}, err
	}
	event, err := canonical(rec)
	return proof.Proof{Format: "scrapelog.proof.v1", Event: event, Hashes: path, Checkpoint: string(text), Key: public}, err
}

func canonical(rec eventstore.Recorded) (proof.Event, error) {
	metadata, err := json.Marshal(rec.Metadata)
	return proof.Event{
		Position: rec.Position, Stream: rec.Stream, Version: rec.Version, ID: rec.ID.String(), Type: rec.Type,
		RecordedAt: rec.RecordedAt.UnixMicro(), Metadata: string(metadata), Data: string(rec.Data),
	}, err
}
