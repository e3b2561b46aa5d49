package term

import (
	"errors"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Register adds the flags that every command has to the root command, and makes
// their environment variables and the logger take effect before a command runs.
func Register(root *cobra.Command) {
	root.PersistentPreRunE = prepare
	flags := root.PersistentFlags()
	flags.String("log-format", "text", "logs on stderr as text or json")
	flags.String("log-level", "info", "least level to log: debug, info, warn or error")
	flags.String("color", "auto", "colours: auto, always or never")
	BindEnv(root, "log-format", "SCRAPELOG_LOG_FORMAT")
	BindEnv(root, "log-level", "SCRAPELOG_LOG_LEVEL")
	BindEnv(root, "color", "SCRAPELOG_COLOR")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok && strings.HasSuffix(invalid.GetFlag().Name, "-env") {
			return Usagef("--%s: the value is not NAME=VARIABLE, and is not repeated here: it may be a secret", invalid.GetFlag().Name)
		}
		return Usagef("%v; see %q", err, cmd.CommandPath()+" --help")
	})
}

// prepare runs before every command: it sets flags from the environment, then makes
// the logger.
func prepare(cmd *cobra.Command, _ []string) error {
	if err := applyEnv(cmd); err != nil {
		return err
	}
	logger, err := LoggerTo(cmd, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	cmd.SetContext(withLogger(cmd.Context(), logger))
	return nil
}

// LoggerTo returns a logger as the flags of a command want it, which writes to w.
func LoggerTo(cmd *cobra.Command, w io.Writer) (*slog.Logger, error) {
	text := func(name string) string { return cmd.Flag(name).Value.String() }
	colour, err := wantsColour(text("color"), w)
	if err != nil {
		return nil, err
	}
	return newLogger(w, text("log-format"), text("log-level"), colour)
}
