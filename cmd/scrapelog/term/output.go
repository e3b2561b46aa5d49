package term

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/itchyny/gojq"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"scrapelog/domain"
)

// AddDataFlags adds the flags of every command that prints data to a command and those
// below it.
func AddDataFlags(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringP("output", "o", "table", "table, json, ndjson or csv")
	flags.String("jq", "", "filter the JSON with a jq expression")
	flags.Bool("no-headers", false, "tables without their first line")
	flags.Duration("timeout", 0, "give up after this long, exit 124; 0: never, but 1m where the log is opened to read one thing")
	BindEnv(cmd, "output", "SCRAPELOG_OUTPUT")
	BindEnv(cmd, "timeout", "SCRAPELOG_TIMEOUT")
}

// dataFlag returns one of the flags of AddDataFlags, also of a command that has another
// flag of that name.
func dataFlag(cmd *cobra.Command, name string) *pflag.Flag {
	for ; cmd.HasParent(); cmd = cmd.Parent() {
		if f := cmd.PersistentFlags().Lookup(name); f != nil {
			return f
		}
	}
	return cmd.PersistentFlags().Lookup(name)
}

// DataGroup returns a group of commands that print data.
func DataGroup(group *cobra.Command, cmds ...*cobra.Command) *cobra.Command {
	AddDataFlags(group)
	return Group(group, cmds...)
}

// Action runs a command after its flags are read.
type Action func(ctx context.Context, cmd *cobra.Command, out *Printer, args []string) error

// ReadTimeout is the default of --timeout for commands that read one thing from a
// database, which may be a foreign file.
const ReadTimeout = time.Minute

// Run returns a cobra RunE that calls an action with a printer and under --timeout.
func Run(do Action) func(*cobra.Command, []string) error { return RunWithin(0, do) }

// RunWithin is Run with a limit that applies unless --timeout is given; 0: none.
func RunWithin(limit time.Duration, do Action) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		out, err := newPrinter(cmd)
		if err != nil {
			return err
		}
		if f := dataFlag(cmd, "timeout"); f.Changed {
			limit, _ = time.ParseDuration(f.Value.String()) // it is one
		}
		ctx := cmd.Context()
		if limit > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeoutCause(ctx, limit, ErrTimedOut)
			defer cancel()
		}
		err = do(ctx, cmd, out, args)
		if err != nil && errors.Is(context.Cause(ctx), ErrTimedOut) {
			return Failf(ErrTimedOut, "timed out after %s", limit)
		}
		return err
	}
}

func newPrinter(cmd *cobra.Command) (*Printer, error) {
	colour, err := wantsColour(cmd.Flag("color").Value.String(), cmd.OutOrStdout())
	if err != nil {
		return nil, err
	}
	p := &Printer{
		Out: cmd.OutOrStdout(), Notes: cmd.ErrOrStderr(), Format: dataFlag(cmd, "output").Value.String(),
		headers: dataFlag(cmd, "no-headers").Value.String() == "false", colour: colour,
	}
	p.width, p.terminal = terminalWidth(cmd.OutOrStdout())
	switch p.Format {
	case "table", "json", "ndjson", "csv":
	default:
		return nil, Usagef("--output: %q is not a format; use table, json, ndjson or csv", p.Format)
	}
	jq := dataFlag(cmd, "jq").Value.String()
	if jq == "" {
		return p, nil
	}
	if p.Format == "table" || p.Format == "csv" {
		p.Format = "json"
	}
	query, err := gojq.Parse(jq)
	if err != nil {
		return nil, Usagef("--jq: %v", err)
	}
	if p.JQ, err = gojq.Compile(query); err != nil {
		return nil, Usagef("--jq: %v", err)
	}
	return p, nil
}

// Printer writes data to stdout in the requested format.
type Printer struct {
	Out      io.Writer // see [Printer.Write]
	Notes    io.Writer // everything that is not data
	Format   string
	JQ       *gojq.Code
	headers  bool
	colour   bool
	terminal bool
	width    int // of the terminal
}

// Stamp returns a time as a table shows it: on a terminal how long ago it was, else in
// RFC 3339.
func (p *Printer) Stamp(t time.Time) string {
	if p.IsTable() && p.terminal {
		return Age(t, time.Now())
	}
	return Stamp(t)
}

// StampMillis is Stamp with milliseconds where it is not an age.
func (p *Printer) StampMillis(t time.Time) string {
	if p.IsTable() && p.terminal || t.IsZero() {
		return p.Stamp(t)
	}
	return StampMillis(t)
}

// ID returns an id as a table shows it: on a terminal its last digits, which are enough
// to name it, else the whole.
func (p *Printer) ID(id uuid.UUID) string {
	if p.IsTable() && p.terminal {
		return domain.ShortID(id)
	}
	return id.String()
}

func (p *Printer) IsTable() bool { return p.Format == "table" }

// Document prints one JSON value: through --jq, over several lines as json, on
// one as ndjson.
func (p *Printer) Document(value any) error {
	if p.Format == "csv" {
		return Usagef("--output: this is no list, and cannot be printed as csv; use json")
	}
	doc, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if p.JQ != nil {
		return p.filter(doc)
	}
	return p.write(doc, p.Format == "json")
}

// PrettyJSON returns JSON for a terminal: indented, and coloured where colours are wanted.
// It is empty where no person reads the output.
func (p *Printer) PrettyJSON(doc []byte) string {
	var b bytes.Buffer
	if !p.terminal && !p.colour || json.Indent(&b, safeJSON(doc), "", "  ") != nil {
		return ""
	}
	if !p.colour {
		return b.String()
	}
	return jsonPart.ReplaceAllStringFunc(b.String(), func(part string) string {
		name, isName := strings.CutSuffix(part, ":")
		switch {
		case isName:
			return "\x1b[36m" + name + "\x1b[0m:"
		case part[0] == '"':
			return "\x1b[32m" + part + "\x1b[0m"
		}
		return "\x1b[33m" + part + "\x1b[0m"
	})
}

// jsonPart is a name with its colon, a text, a number or a word of JSON.
var jsonPart = regexp.MustCompile(`"(\\.|[^"\\])*":?|-?[0-9][-+.0-9eE]*|true|false|null`)

func (p *Printer) write(doc []byte, indented bool) error {
	var b bytes.Buffer
	if indented {
		if err := json.Indent(&b, safeJSON(doc), "", "  "); err != nil {
			return err
		}
	} else {
		b.Write(safeJSON(doc))
	}
	b.WriteByte('\n')
	_, err := p.Write(b.Bytes())
	return err
}

// filter prints the results of --jq for a document. Like jq -r it prints text bare.
func (p *Printer) filter(doc []byte) error {
	var value any
	if err := json.Unmarshal(doc, &value); err != nil {
		return err
	}
	for results := p.JQ.Run(value); ; {
		result, more := results.Next()
		if !more {
			return nil
		}
		switch result := result.(type) {
		case error:
			return Usagef("--jq: %v", result)
		case string:
			if p.terminal {
				result = safe(result)
			}
			if _, err := fmt.Fprintln(p, result); err != nil {
				return err
			}
		default:
			doc, err := gojq.Marshal(result)
			if err != nil {
				return err
			}
			if err := p.write(doc, false); err != nil {
				return err
			}
		}
	}
}
