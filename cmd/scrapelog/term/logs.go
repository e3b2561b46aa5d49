package term

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
	"golang.org/x/sys/unix"

	"scrapelog/eventstore"
)

type loggerKey struct{}

// LoggerFrom returns the logger of the running command.
func LoggerFrom(ctx context.Context) *slog.Logger {
	if logger, ok := ctx.Value(loggerKey{}).(*slog.Logger); ok {
		return logger
	}
	return slog.New(slog.DiscardHandler)
}

func withLogger(ctx context.Context, logger *slog.Logger) context.Context {
	return context.WithValue(ctx, loggerKey{}, logger)
}

// newLogger writes one line per record: "text" for people, in colour where the
// terminal shows it, or "json" for machines.
func newLogger(w io.Writer, format, level string, colour bool) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, Usagef("--log-level: %q is not a level; use debug, info, warn or error", level)
	}
	switch format {
	case "json":
		return slog.New(unrepeated{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: least, ReplaceAttr: cleanAttr})}), nil
	case "text":
		return slog.New(unrepeated{tint.NewTextHandler(w, &tint.Options{
			Level: least, ReplaceAttr: cleanAttr, NoColor: !colour, TimeFormat: time.RFC3339,
		})}), nil
	}
	return nil, Usagef("--log-format: %q is not a format; use text or json", format)
}

// unrepeated drops records whose error is a shortage of database connections: the
// store logs the shortage once a minute, and every caller would log it too.
type unrepeated struct{ slog.Handler }

func (h unrepeated) Handle(ctx context.Context, r slog.Record) error {
	repeats := false
	r.Attrs(func(a slog.Attr) bool {
		err, ok := a.Value.Any().(error)
		repeats = ok && eventstore.Shortage(err)
		return !repeats
	})
	if repeats {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

func (h unrepeated) WithAttrs(attrs []slog.Attr) slog.Handler {
	return unrepeated{h.Handler.WithAttrs(attrs)}
}

func (h unrepeated) WithGroup(name string) slog.Handler { return unrepeated{h.Handler.WithGroup(name)} }

// cleanAttr makes values safe for a terminal. Neither handler does: JSON leaves
// C1 and bidirectional controls raw, and in colour tint turns the four
// characters \x1b, typed out in a value, into a real escape.
func cleanAttr(groups []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(cleanText(v.String()))
	case slog.KindAny:
		if _, ok := v.Any().(slog.Level); !ok {
			a.Value = slog.StringValue(cleanText(fmt.Sprintf("%+v", v.Any())))
		}
	}
	return a
}

func cleanText(s string) string { return strings.ReplaceAll(safe(s), `\x1b`, `\u001b`) }

// wantsColour reports whether one stream gets colours. NO_COLOR (no-color.org)
// applies to "auto".
func wantsColour(mode string, w io.Writer) (bool, error) {
	switch mode {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto":
		return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w), nil
	}
	return false, Usagef("--color: %q is not a choice; use auto, always or never", mode)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// usualWidth is the width of a terminal that does not tell its width.
const usualWidth = 80

// terminalWidth returns the columns of the terminal, if w is one.
func terminalWidth(w io.Writer) (places int, ok bool) {
	if !isTerminal(w) {
		return 0, false
	}
	size, err := unix.IoctlGetWinsize(int(w.(*os.File).Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 {
		return usualWidth, true
	}
	return int(size.Col), true
}
