package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"scrapelog/docs"
)

var codeBlock = regexp.MustCompile("(?ms)^( *)```([a-z]*)\n(.*?)^ *```")

// written are the documents and the README: what people copy from.
func written(t *testing.T) []docs.Document {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return append(docs.All(), docs.Document{Name: "README", Text: string(readme)})
}

// blocks yields the text of each block of code in a language, without its indentation.
func blocks(d docs.Document, language string) (all []string) {
	for _, m := range codeBlock.FindAllStringSubmatch(d.Text, -1) {
		if m[2] == language {
			all = append(all, strings.ReplaceAll("\n"+m[3], "\n"+m[1], "\n"))
		}
	}
	return all
}

// TestConfigurationsInDocumentsAreValid checks each block that says which file it is.
func TestConfigurationsInDocumentsAreValid(t *testing.T) {
	checked := 0
	for _, d := range written(t) {
		for _, block := range blocks(d, "yaml") {
			name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(block), "# "), "\n")
			if name != "scrapelog.yaml" && name != "worker.yaml" {
				continue
			}
			checked++
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, []byte(block), 0o600); err != nil {
				t.Fatal(err)
			}
			if stdout, stderr, code := invoke(t, "config", "check", path); code != 0 {
				t.Errorf("%s: exit %d for\n%s%s%s", d.Name, code, block, stdout, stderr)
			}
		}
	}
	if checked < 5 {
		t.Errorf("only %d configurations were found", checked)
	}
}

// TestCommandsInDocumentsExist parses each command line of scrapelog, with its flags.
func TestCommandsInDocumentsExist(t *testing.T) {
	line := regexp.MustCompile(`(?m)^ *(?:\$ )?(?:sudo )?(?:\./|bin/)?scrapelog ([^\n#|>]*)`)
	word := regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`)
	parsed := 0
	for _, d := range written(t) {
		if d.Name == "reference/commands" {
			continue // its examples are those of the help, which have a test
		}
		for _, block := range append(blocks(d, "sh"), blocks(d, "console")...) {
			for _, m := range line.FindAllStringSubmatch(block, -1) {
				parsed++
				cmd, rest, err := newRootCmd().Find(word.FindAllString(m[1], -1))
				if err == nil {
					err = cmd.ParseFlags(rest)
				}
				if err == nil {
					err = cmd.ValidateArgs(cmd.Flags().Args())
				}
				if err != nil {
					t.Errorf("%s: scrapelog %s: %v", d.Name, m[1], err)
				}
			}
		}
	}
	if parsed < 10 {
		t.Errorf("only %d commands were found", parsed)
	}
}

// TestShippedConfigurationsAreValid checks the configurations of packages and containers.
func TestShippedConfigurationsAreValid(t *testing.T) {
	shipped := map[string]string{}
	for _, path := range []string{"package/scrapelog.yaml", "package/worker.yaml", "docker/scrapelog.yaml"} {
		text, err := os.ReadFile("../../deploy/" + path)
		if err != nil {
			t.Fatal(err)
		}
		shipped[path] = string(text)
	}
	for _, document := range yamlDocuments(t, "../../deploy/kubernetes/scrapelog.yaml") {
		if data, ok := document["data"].(map[string]any); ok {
			shipped["kubernetes/scrapelog.yaml"] = data["scrapelog.yaml"].(string)
		}
	}
	if compose := yamlDocuments(t, "../../deploy/docker/compose.yaml"); len(compose) != 1 || len(compose[0]["services"].(map[string]any)) != 4 {
		t.Errorf("compose.yaml reads as %v", compose)
	}
	for name, text := range shipped {
		path := filepath.Join(t.TempDir(), filepath.Base(name))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if stdout, stderr, code := invoke(t, "config", "check", path); code != 0 {
			t.Errorf("deploy/%s: exit %d: %s%s", name, code, stdout, stderr)
		}
	}
	if len(shipped) != 4 {
		t.Errorf("only %d were found", len(shipped))
	}
}

func yamlDocuments(t *testing.T, path string) (all []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for reader := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var document map[string]any
		switch err := reader.Decode(&document); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, document)
	}
}
