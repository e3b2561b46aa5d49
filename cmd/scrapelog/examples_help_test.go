package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestExamplesOfHelpAreRight: every example names a command, flags and as many arguments
// as the command takes.
func TestExamplesOfHelpAreRight(t *testing.T) {
	seen := 0
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			seen++
			for _, part := range strings.Split(line, " | ") {
				words := shellWords(part)
				if len(words) == 0 || words[0] != "scrapelog" {
					t.Errorf("%s: %q is not a command of scrapelog", cmd.CommandPath(), line)
					continue
				}
				if err := parses(words[1:]); err != nil {
					t.Errorf("%s: %q: %v", cmd.CommandPath(), line, err)
				}
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRootCmd())
	if seen < 30 {
		t.Errorf("only %d examples", seen)
	}
}

// parses finds the command of a line and parses its flags and arguments.
func parses(words []string) error {
	cmd, rest, err := newRootCmd().Find(words)
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

// shellWords splits a line at blanks outside of single quotes, up to a redirection.
func shellWords(line string) (words []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
			continue
		}
		for _, word := range strings.Fields(part) {
			if word == ">" {
				return words
			}
			words = append(words, word)
		}
	}
	return words
}
