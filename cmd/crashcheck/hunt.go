package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"scrapelog/cmd/crashcheck/check"
)

const (
	round  = 60 // kills before the log is looked at
	rounds = 10 // before a mutant counts as one that got away
)

// hunt shows that the checker finds each mutant whose name contains only.
func hunt(ctx context.Context, root, only string, seed uint64, say func(format string, args ...any)) error {
	var escaped error
	for _, m := range mutants {
		if !strings.Contains(m.name, only) {
			continue
		}
		found, err := m.hunt(ctx, root, seed, say)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		if !found {
			escaped = errors.Join(escaped, fmt.Errorf("%w: %s got away", errViolated, m.name))
		}
	}
	return escaped
}

func (m mutant) hunt(ctx context.Context, root string, seed uint64, say func(format string, args ...any)) (bool, error) {
	binary, remove, err := m.build(ctx, root)
	if err != nil {
		return false, err
	}
	defer remove()
	began, kills := time.Now(), 0
	for i := range uint64(rounds) {
		o := options{binary: binary, cycles: round, instances: 1, scrapers: 12, seed: seed + i, bound: promptly}
		r, err := m.round(ctx, o)
		if err != nil {
			return false, err
		}
		kills += r.kills
		if at := slices.IndexFunc(r.violations, func(v check.Violation) bool { return slices.Contains(m.rules, v.Rule) }); at >= 0 {
			say("found after %4d kills, %5s: %s\n    %.200s\n", kills, time.Since(began).Round(time.Second), m.name, r.violations[at])
			return true, nil
		}
	}
	say("NOT found in %4d kills, %5s: %s\n", kills, time.Since(began).Round(time.Second), m.name)
	return false, nil
}

func (m mutant) round(ctx context.Context, o options) (result, error) {
	if m.two {
		server, err := startServer()
		if err != nil {
			return result{}, err
		}
		defer server.End()
		o.database, o.instances, o.scrapers = server.URL, 2, 24
	}
	r, err := run(ctx, o)
	if err == nil && r.dir != "" {
		err = os.RemoveAll(r.dir)
	}
	return r, err
}

// build makes the program with the mutant's edits. The files themselves stay as
// they are.
func (m mutant) build(ctx context.Context, root string) (binary string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "crashcheck-mutant-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	overlay, err := m.overlay(root, dir)
	if err != nil {
		remove()
		return "", nil, err
	}
	binary = filepath.Join(dir, "scrapelog")
	if err := build(ctx, binary, "-overlay", overlay); err != nil {
		remove()
		return "", nil, err
	}
	return binary, remove, nil
}

// overlay writes what go build -overlay reads.
func (m mutant) overlay(root, dir string) (path string, err error) {
	changed, err := m.apply(root)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, text := range changed {
		stand := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(stand, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, file)] = stand
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, data, 0o600)
}

// apply returns the files as the mutant has them. An edit that does not fit the
// file any more is an error: a mutant that changes nothing proves nothing.
func (m mutant) apply(root string) (map[string]string, error) {
	changed := map[string]string{}
	for _, e := range m.edits {
		text, known := changed[e.file]
		if !known {
			data, err := os.ReadFile(filepath.Join(root, e.file))
			if err != nil {
				return nil, err
			}
			text = string(data)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return nil, fmt.Errorf("%s has %d times, not once:\n%s", e.file, n, e.old)
		}
		changed[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	return changed, nil
}
