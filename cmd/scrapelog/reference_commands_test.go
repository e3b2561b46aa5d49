package main

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func environmentList(sources) string {
	meaning, uses := map[string]string{}, map[string][]string{}
	walkCommands(newRootCmd(), func(cmd *cobra.Command) {
		cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if m := boundTo.FindStringSubmatch(f.Usage); m != nil {
				meaning[m[1]] = code("--"+f.Name) + ": " + strings.TrimSpace(boundTo.ReplaceAllString(f.Usage, ""))
				uses[m[1]] = append(uses[m[1]], strings.TrimSpace(strings.TrimPrefix(cmd.CommandPath(), "scrapelog")))
			}
		})
	})
	var b strings.Builder
	head(&b, "variable", "in place of the flag", "of")
	for _, name := range slices.Sorted(maps.Keys(uses)) {
		row(&b, code(name), meaning[name], cmp.Or(strings.Join(uses[name], ", "), "all"))
	}
	return b.String()
}

// boundTo finds the variable that may stand for a flag in the flag's text.
var boundTo = regexp.MustCompile(` ?\[\$([A-Z_]+)[^\]]*\]`)

func walkCommands(cmd *cobra.Command, visit func(*cobra.Command)) {
	if cmd.Name() == "contract" || cmd.Name() == "completion" {
		return // the contract is a document, and completion is cobra's own
	}
	visit(cmd)
	for _, sub := range cmd.Commands() {
		if !sub.Hidden {
			walkCommands(sub, visit)
		}
	}
}

// commandList is every command, and before them the flags that many of them have.
func commandList(sources) string {
	var index, shared, sections strings.Builder
	head(&index, "command", "what it does")
	head(&shared, "flag", "meaning", "default")
	times := map[string]int{}
	walkCommands(newRootCmd(), func(cmd *cobra.Command) {
		cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if times[flagRow(f)]++; times[flagRow(f)] == many {
				row(&shared, flagRow(f))
			}
		})
	})
	walkCommands(newRootCmd(), func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		row(&index, fmt.Sprintf("[`%s`](#%s)", path, strings.ReplaceAll(path, " ", "-")), cmd.Short)
		fmt.Fprintf(&sections, "## %s\n\n%s\n\n", path, asMarkdown.Replace(strings.TrimSpace(cmp.Or(cmd.Long, cmd.Short+"."))))
		if cmd.Runnable() && !cmd.HasSubCommands() {
			fmt.Fprintf(&sections, "    %s\n\n", cmd.UseLine())
		}
		if cmd.Example != "" {
			fmt.Fprintf(&sections, "```sh\n%s\n```\n\n", outdented(cmd.Example))
		}
		commandFlags(&sections, cmd, times)
	})
	return index.String() + "\n## Flags of many commands\n\n" + shared.String() + "\n" + sections.String()
}

// many is how many commands have a flag that is described once for all of them.
const many = 4

// asMarkdown keeps the text of a help as it is: not all of its marks are those of Markdown.
var asMarkdown = strings.NewReplacer("#", "\\#", "<", "\\<", "*", "\\*")

func outdented(text string) string {
	var lines []string
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(lines, "\n")
}

// commandFlags writes the flags of a command: those of many commands by name, the others as a
// table.
func commandFlags(b *strings.Builder, cmd *cobra.Command, times map[string]int) {
	var own, shared []string
	cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		switch text := flagRow(f); {
		case text == "":
		case times[text] < many:
			own = append(own, text)
		default:
			shared = append(shared, code("--"+f.Name))
		}
	})
	if len(own) > 0 {
		head(b, "flag", "meaning", "default")
		for _, text := range own {
			row(b, text)
		}
		b.WriteString("\n")
	}
	if len(shared) > 0 {
		fmt.Fprintf(b, "It has [the flags](#flags-of-many-commands) %s.\n\n", strings.Join(shared, ", "))
	}
}

// flagRow is the line of a flag in a table, without its ends; empty: it is not shown.
func flagRow(f *pflag.Flag) string {
	if f.Hidden || f.Name == "help" {
		return ""
	}
	kind, usage := pflag.UnquoteUsage(f)
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	value := f.DefValue
	if slices.Contains([]string{"false", "[]", "0s", "0"}, value) {
		value = ""
	}
	return code(strings.TrimSpace(name+" "+kind)) + " | " + strings.ReplaceAll(usage, "|", `\|`) + " | " + code(value)
}
