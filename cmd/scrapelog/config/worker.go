package config

import (
	"reflect"
	"slices"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/handlers/worker"
)

// LoadWorker reads the configuration of the worker on top of its defaults. A listen
// address that is not empty replaces the file's.
func LoadWorker(path, listen string) (worker.Config, error) {
	if path == "" {
		return worker.Config{}, term.Usagef("worker needs a configuration: give --config FILE")
	}
	source, err := Read(path)
	if err != nil {
		return worker.Config{}, err
	}
	config, err := ParseWorker(path, source)
	if listen != "" {
		config.Listen = listen
	}
	return config, err
}

// ParseWorker is LoadWorker for a source that was read before; path is for errors.
func ParseWorker(path string, source []byte) (worker.Config, error) {
	config := worker.DefaultConfig()
	doc, err := decodeStrict(path, source, &config)
	if err != nil {
		return config, err
	}
	if err := config.Validate(); err != nil {
		return config, doc.place("", err)
	}
	return config, nil
}

// CommandFor returns the command that a file configures, by the keys that only one of
// the two has; serve when there are none.
func CommandFor(path string, source []byte) (string, error) {
	doc, err := parseDocument(path, source)
	if err != nil {
		return "", err
	}
	serves, works := keysOf(reflect.TypeFor[Config]()), keysOf(reflect.TypeFor[worker.Config]())
	score := 0
	for _, key := range doc.keys() {
		switch inServe, inWorker := slices.Contains(serves, key), slices.Contains(works, key); {
		case key == "scrapers":
			return "serve", nil
		case key == "scrapes":
			return "worker", nil
		case inServe && !inWorker:
			score++
		case inWorker && !inServe:
			score--
		}
	}
	if score < 0 {
		return "worker", nil
	}
	return "serve", nil
}
