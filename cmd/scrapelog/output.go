package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/itchyny/gojq"
	"github.com/spf13/cobra"
)

// dataFlags are the flags of every command that prints data.
type dataFlags struct {
	format    string
	jq        string
	noHeaders bool
	timeout   time.Duration
}

func (f *dataFlags) register(group *cobra.Command) {
	flags := group.PersistentFlags()
	flags.StringVarP(&f.format, "output", "o", "table", "table, json or ndjson")
	flags.StringVar(&f.jq, "jq", "", "filter the JSON with a jq expression")
	flags.BoolVar(&f.noHeaders, "no-headers", false, "tables without their first line")
	flags.DurationVar(&f.timeout, "timeout", 0, "give up after this long, exit 124; 0: never, but 1m where the log is opened to read one thing")
	bindEnv(group, "output", "SCRAPELOG_OUTPUT")
	bindEnv(group, "timeout", "SCRAPELOG_TIMEOUT")
}

// action is what a command does once its flags are read.
type action func(ctx context.Context, cmd *cobra.Command, out *printer, args []string) error

// readTimeout is the default of --timeout for commands that read one thing from a
// database, which may be somebody else's file.
const readTimeout = time.Minute

// run makes an action a cobra command's: with a printer, and with --timeout.
func (f *dataFlags) run(do action) func(*cobra.Command, []string) error { return f.runWithin(0, do) }

// runWithin is run with a limit that holds unless --timeout is given; 0: none.
func (f *dataFlags) runWithin(limit time.Duration, do action) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if limit > 0 && !cmd.Flag("timeout").Changed {
			f.timeout = limit
		}
		out, err := f.printer(cmd)
		if err != nil {
			return err
		}
		ctx := cmd.Context()
		if f.timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeoutCause(ctx, f.timeout, errTimedOut)
			defer cancel()
		}
		err = do(ctx, cmd, out, args)
		if err != nil && errors.Is(context.Cause(ctx), errTimedOut) {
			return failf(errTimedOut, "timed out after %s", f.timeout)
		}
		return err
	}
}

func (f *dataFlags) printer(cmd *cobra.Command) (*printer, error) {
	colour, err := wantsColour(cmd.Flag("color").Value.String(), cmd.OutOrStdout())
	if err != nil {
		return nil, err
	}
	p := &printer{
		w: cmd.OutOrStdout(), notes: cmd.ErrOrStderr(), format: f.format, headers: !f.noHeaders, colour: colour,
	}
	p.width, p.terminal = terminalWidth(cmd.OutOrStdout())
	switch f.format {
	case "table", "json", "ndjson":
	default:
		return nil, usagef("--output: %q is not a format; use table, json or ndjson", f.format)
	}
	if f.jq == "" {
		return p, nil
	}
	if p.format == "table" {
		p.format = "json"
	}
	query, err := gojq.Parse(f.jq)
	if err != nil {
		return nil, usagef("--jq: %v", err)
	}
	if p.jq, err = gojq.Compile(query); err != nil {
		return nil, usagef("--jq: %v", err)
	}
	return p, nil
}

// printer writes data to stdout, in the format that was asked for.
type printer struct {
	w        io.Writer
	notes    io.Writer // everything that is not data
	format   string
	jq       *gojq.Code
	headers  bool
	colour   bool
	terminal bool
	width    int // of the terminal
}

func (p *printer) isTable() bool { return p.format == "table" }

// document prints one JSON value: through --jq, over several lines as json, on
// one as ndjson.
func (p *printer) document(value any) error {
	doc, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if p.jq != nil {
		return p.filter(doc)
	}
	return p.write(doc, p.format == "json")
}

func (p *printer) write(doc []byte, indented bool) error {
	var b bytes.Buffer
	if indented {
		if err := json.Indent(&b, safeJSON(doc), "", "  "); err != nil {
			return err
		}
	} else {
		b.Write(safeJSON(doc))
	}
	b.WriteByte('\n')
	_, err := p.w.Write(b.Bytes())
	return err
}

// filter prints what --jq makes of a document. Like jq -r it prints text bare.
func (p *printer) filter(doc []byte) error {
	var value any
	if err := json.Unmarshal(doc, &value); err != nil {
		return err
	}
	for results := p.jq.Run(value); ; {
		result, more := results.Next()
		if !more {
			return nil
		}
		switch result := result.(type) {
		case error:
			return usagef("--jq: %v", result)
		case string:
			if p.terminal {
				result = safe(result)
			}
			if _, err := fmt.Fprintln(p.w, result); err != nil {
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
