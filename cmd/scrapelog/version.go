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
		Use:     "version",
		Example: "  scrapelog version",
		Short:   "Print the version",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return term.Printf(cmd, "%s\n", versionLine())
		},
	}
}

// addVersion makes --version print what the command version prints. The flag that cobra
// would add fills in a template: the linker cannot tell which methods a template calls,
// and keeps those of the whole program (6 MB).
func addVersion(root *cobra.Command) {
	asked := root.Flags().BoolP("version", "v", false, "print the version")
	otherwise := root.RunE
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if *asked {
			return term.Printf(cmd, "%s\n", versionLine())
		}
		return otherwise(cmd, args)
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
