package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
)

// stamped is the version, set by the Makefile: -ldflags "-X main.stamped=…".
var stamped string

func newVersionCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  term.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return term.Printf(cmd, "%s\n", versionLine())
		},
	}
}

func versionLine() string {
	return fmt.Sprintf("scrapelog %s (%s, %s/%s)", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// version returns the stamped version, or the one that the toolchain recorded.
func version() string {
	if stamped != "" {
		return stamped
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
