package config

import (
	"fmt"
	"strconv"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
)

// Setting is a value of the configuration in force, and where it comes from.
type Setting struct {
	Key    string `json:"key"` // as in scrapers[0].probe.interval
	Value  any    `json:"value"`
	Origin string `json:"origin"` // default, FILE:LINE, --flag or $VARIABLE
}

// Settings returns the configuration of a command value by value.
func Settings(cmd *cobra.Command) ([]Setting, error) {
	c, err := FromFlags(cmd)
	if err != nil {
		return nil, err
	}
	asYAML, _, err := c.Encode()
	if err != nil {
		return nil, err
	}
	var values yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(asYAML, &values, yaml.UseOrderedMap()); err != nil {
		return nil, err
	}
	o := origins{flags: map[string]string{}}
	for key, flag := range map[string]string{"listen": "listen", "database": "db", "listen_without_logins": withoutLogins} {
		if f := cmd.Flag(flag); f != nil {
			o.flags[key] = term.OriginOf(f)
		}
	}
	if c.File != "" {
		source, err := Read(c.File)
		if err != nil {
			return nil, err
		}
		if o.doc, err = parseDocument(c.File, source); err != nil {
			return nil, err
		}
	}
	o.flatten("", values)
	return o.settings, nil
}

type origins struct {
	flags    map[string]string
	doc      *document // nil: no file
	settings []Setting
}

func (o *origins) flatten(at string, value any) {
	switch value := value.(type) {
	case yaml.MapSlice:
		for _, item := range value {
			o.flatten(below(at, fmt.Sprint(item.Key)), item.Value)
		}
		if len(value) > 0 {
			return
		}
	case []any:
		for i, item := range value {
			o.flatten(at+"["+strconv.Itoa(i)+"]", item)
		}
		if len(value) > 0 {
			return
		}
	}
	if list, ok := value.(yaml.MapSlice); ok && len(list) == 0 {
		value = map[string]any{}
	}
	o.settings = append(o.settings, Setting{at, value, o.origin(at)})
}

func (o *origins) origin(at string) string {
	if flag := o.flags[at]; flag != "" {
		return flag
	}
	if o.doc != nil {
		if node, there := o.doc.find(at); there {
			return fmt.Sprintf("%s:%d", o.doc.path, start(node).Line)
		}
	}
	return "default"
}
