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

	"scrapelog/domain"
)

// DataFlags are the flags of every command that prints data.
type DataFlags struct {
	format    string
	jq        string
	noHeaders bool
	Timeout   time.Duration
}

func (f *DataFlags) Register(group *cobra.Command) {
	flags := group.PersistentFlags()
	flags.StringVarP(&f.format, "output", "o", "table", "table, json, ndjson or csv")
	flags.StringVar(&f.jq, "jq", "", "filter the JSON with a jq expression")
	flags.BoolVar(&f.noHeaders, "no-headers", false, "tables without their first line")
	flags.DurationVar(&f.Timeout, "timeout", 0, "give up after this long, exit 124; 0: never, but 1m where the log is opened to read one thing")
	BindEnv(group, "output", "SCRAPELOG_OUTPUT")
	BindEnv(group, "timeout", "SCRAPELOG_TIMEOUT")
}

// Action runs a command after its flags are read.
type Action func(ctx context.Context, cmd *cobra.Command, out *Printer, args []string) error

// ReadTimeout is the default of --timeout for commands that read one thing from a
// database, which may be a foreign file.
const ReadTimeout = time.Minute

// Run returns a cobra RunE that calls an action with a printer and under --timeout.
func (f *DataFlags) Run(do Action) func(*cobra.Command, []string) error { return f.RunWithin(0, do) }

// RunWithin is Run with a limit that applies unless --timeout is given; 0: none.
func (f *DataFlags) RunWithin(limit time.Duration, do Action) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if limit > 0 && !cmd.Flag("timeout").Changed {
			f.Timeout = limit
		}
		out, err := f.Printer(cmd)
		if err != nil {
			return err
		}
		ctx := cmd.Context()
		if f.Timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeoutCause(ctx, f.Timeout, ErrTimedOut)
			defer cancel()
		}
		err = do(ctx, cmd, out, args)
		if err != nil && errors.Is(context.Cause(ctx), ErrTimedOut) {
			return Failf(ErrTimedOut, "timed out after %s", f.Timeout)
		}
		return err
	}
}

func (f *DataFlags) Printer(cmd *cobra.Command) (*Printer, error) {
	colour, err := wantsColour(cmd.Flag("color").Value.String(), cmd.OutOrStdout())
	if err != nil {
		return nil, err
	}
	p := &Printer{
		Out: cmd.OutOrStdout(), Notes: cmd.ErrOrStderr(), Format: f.format, headers: !f.noHeaders, colour: colour,
	}
	p.width, p.terminal = terminalWidth(cmd.OutOrStdout())
	switch f.format {
	case "table", "json", "ndjson", "csv":
	default:
		return nil, Usagef("--output: %q is not a format; use table, json, ndjson or csv", f.format)
	}
	if f.jq == "" {
		return p, nil
	}
	if p.Format == "table" || p.Format == "csv" {
		p.Format = "json"
	}
	query, err := gojq.Parse(f.jq)
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
