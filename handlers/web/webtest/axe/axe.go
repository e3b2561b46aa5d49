// Package axe asks axe-core whether a page in a browser can be used by everybody.
// The script is npm's axe-core, brought by handlers/web/assets/build.sh.
package axe

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
)

//go:embed axe.min.js
var script string

// Finding is a rule that a page breaks, with the elements that break it.
type Finding struct {
	ID    string   `json:"id"`
	Help  string   `json:"help"`
	Where []string `json:"where"`
}

// String says it in one line.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s", f.ID, f.Help, strings.Join(f.Where, " · "))
}

const run = `axe.run(document, {resultTypes: ["violations"], %s}).then(({violations}) => violations.map(
  (v) => ({id: v.id, help: v.help, where: v.nodes.map((n) => n.target.join(" ") + " " + (n.any[0]?.message ?? ""))})))`

// Contrast is the rule that depends on the colour scheme.
const Contrast = "color-contrast"

// Check returns what is wrong with the page in the tab, by the named rules; by
// all of them if none is named.
func Check(tab context.Context, rules ...string) ([]Finding, error) {
	only := ""
	if len(rules) > 0 {
		only = `runOnly: ["` + strings.Join(rules, `", "`) + `"]`
	}
	if _, err := chromedp.Run(tab, chromedp.Evaluate[any](script+";undefined")); err != nil {
		return nil, fmt.Errorf("axe: %w", err)
	}
	return chromedp.Run(tab, chromedp.Evaluate[[]Finding](fmt.Sprintf(run, only), chromedp.EvalAwaitPromise))
}
