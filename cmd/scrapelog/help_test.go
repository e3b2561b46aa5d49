package main

import (
	"strings"
	"testing"
)

func TestHelpTopics(t *testing.T) {
	tests := map[string]struct {
		code           int
		stdout, stderr string
	}{
		"help contract":       {stdout: "# What a scraper must do\n"},
		"contract":            {stdout: "# What a scraper must do\n"},
		"help cause eof":      {stdout: "# `eof`: "},
		"help cause rejected": {stdout: "# `rejected`: "},
		"help runs list":      {stdout: "List runs, newest first\n"},
		"help cause":          {code: 2, stderr: "help cause: NAME is missing"},
		"help cause nothing":  {code: 2, stderr: `help cause: there is no cause "nothing"`},
		"help nothing":        {code: 2, stderr: `help: there is no command or topic "nothing"`},
		"help runs nothing":   {code: 2, stderr: `help: there is no command or topic "runs nothing"`},
	}
	for args, tt := range tests {
		t.Run(args, func(t *testing.T) {
			stdout, stderr, code := invoke(t, strings.Fields(args)...)
			if code != tt.code || !strings.HasPrefix(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) {
				t.Errorf("exit %d, stdout %.80q, stderr %q", code, stdout, stderr)
			}
		})
	}
}
