package term

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	envAnnotation     = "scrapelog_env"
	fromEnvAnnotation = "scrapelog_from_env" // the variable has set the flag
)

// OriginOf says what has set a flag: its name or that of a variable; empty: nothing.
func OriginOf(f *pflag.Flag) string {
	switch bound := f.Annotations[fromEnvAnnotation]; {
	case len(bound) > 0:
		return "$" + bound[0]
	case f.Changed:
		return "--" + f.Name
	}
	return ""
}

// BindEnv sets a flag that is not given from an environment variable.
func BindEnv(cmd *cobra.Command, flag, variable string) {
	f := cmd.Flag(flag)
	f.Annotations = map[string][]string{envAnnotation: {variable}}
	f.Usage += fmt.Sprintf(" [$%s]", variable)
}

func applyEnv(cmd *cobra.Command) error {
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		bound := f.Annotations[envAnnotation]
		if len(bound) == 0 || f.Changed || os.Getenv(bound[0]) == "" {
			return
		}
		if err := cmd.Flags().Set(f.Name, os.Getenv(bound[0])); err != nil {
			failed = Usagef("%s: %v", bound[0], err)
		}
		f.Annotations[fromEnvAnnotation] = bound
	})
	return failed
}

// FlagOr returns the value of a flag, otherwise where the command has no such flag or
// its value is empty.
func FlagOr(cmd *cobra.Command, name, otherwise string) string {
	if f := cmd.Flag(name); f != nil {
		return cmp.Or(f.Value.String(), otherwise)
	}
	return otherwise
}

// ParseParams parses the value of --params; nil when it is empty.
func ParseParams(text string) (json.RawMessage, error) {
	if text == "" {
		return nil, nil
	}
	if !json.Valid([]byte(text)) {
		return nil, Usagef("--params: not JSON; use an object such as {\"depth\":2}")
	}
	return json.RawMessage(text), nil
}
