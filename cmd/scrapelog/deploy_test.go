package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"scrapelog/eventstore/eventstoretest"
)

const (
	rulesFile     = "../../deploy/prometheus/rules.yaml"
	rulesTestFile = "../../deploy/prometheus/rules_test.yaml"
	dashboardFile = "../../deploy/grafana/scrapelog.json"
)

// alertExpressions are those of the alert rules, by name.
func alertExpressions(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			all[r.Alert] = r.Expr
		}
	}
	return all
}

// panelExpressions are those of the dashboard, by the title of their panel.
func panelExpressions(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$__rate_interval", "5m", "$job", ".+")
	all := map[string]string{}
	for _, p := range dashboard.Panels {
		for i, target := range p.Targets {
			all[fmt.Sprintf("%s %d", p.Title, i)] = variables.Replace(target.Expr)
		}
	}
	return all
}

// TestAlertsAndDashboardUseWhatIsServed holds the rules and the dashboard against a
// scrape: every series, label and value that they name is there.
func TestAlertsAndDashboardUseWhatIsServed(t *testing.T) {
	c, _ := countedServer(t, eventstoretest.SQLite(t))
	run := c.startRun("shop")
	await(t, 30*time.Second, "the run is followed", func() bool { return c.follows(run.ID) })
	c.end(t, run.ID)
	await(t, 30*time.Second, "the success is seen", func() bool {
		return strings.Contains(c.text("/metrics"), `scrapelog_scraper_last_success_timestamp_seconds{scraper="shop"}`)
	})
	served := parseScrape(c.text("/metrics"))
	alerts, panels := alertExpressions(t), panelExpressions(t)
	if len(alerts) < 9 || len(panels) < 20 {
		t.Fatalf("%d alerts and %d expressions of panels were found", len(alerts), len(panels))
	}
	for _, expressions := range []map[string]string{alerts, panels} {
		for name, expression := range expressions {
			for _, problem := range served.lacks(expression) {
				t.Errorf("%s: %s: %s", name, expression, problem)
			}
		}
	}
	for what, expression := range map[string]string{
		"a series": "scrapelog_no_such_series > 0", "a label": "sum by (nothing) (scrapelog_runs)", "a matcher's label": `scrapelog_runs{colour="red"}`,
		"a value": `scrapelog_notices_total{result="thrown_away"}`, "nothing": "1 + 1",
	} {
		if len(served.lacks(expression)) == 0 {
			t.Errorf("an expression that lacks %s is not seen", what)
		}
	}
}

// scraped are the labels and values of each series of a scrape.
type scraped map[string]map[string][]string

var (
	sampleLine   = regexp.MustCompile(`(?m)^([a-z_]+)(?:\{(.*)\})? `)
	labelValue   = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)
	seriesNamed  = regexp.MustCompile(`\b((?:scrapelog|process|go)_[a-z_]+)(?:\{([^}]*)\})?`)
	labelMatcher = regexp.MustCompile(`([a-z_]+)(=~?|!=|!~)"([^"]*)"`)
	grouping     = regexp.MustCompile(`by \(([^)]*)\)`)
)

func parseScrape(text string) scraped {
	s := scraped{}
	for _, sample := range sampleLine.FindAllStringSubmatch(text, -1) {
		if s[sample[1]] == nil {
			s[sample[1]] = map[string][]string{"job": {"scrapelog"}, "instance": {"here"}} // Prometheus adds them
		}
		for _, label := range labelValue.FindAllStringSubmatch(sample[2], -1) {
			s[sample[1]][label[1]] = append(s[sample[1]][label[1]], label[2])
		}
	}
	return s
}

// lacks returns what an expression names and the scrape does not have.
func (s scraped) lacks(expression string) (problems []string) {
	named := seriesNamed.FindAllStringSubmatch(expression, -1)
	if len(named) == 0 {
		return []string{"names no series"}
	}
	for _, series := range named {
		labels, known := s[series[1]]
		if !known {
			problems = append(problems, "no series "+series[1])
			continue
		}
		for _, m := range labelMatcher.FindAllStringSubmatch(series[2], -1) {
			if !strings.HasPrefix(m[2], "=") {
				continue
			}
			pattern := regexp.QuoteMeta(m[3])
			if m[2] == "=~" {
				pattern = strings.ReplaceAll(m[3], `\\`, `\`)
			}
			matches := regexp.MustCompile("^(?:" + pattern + ")$")
			found := false
			for _, value := range labels[m[1]] {
				found = found || matches.MatchString(value)
			}
			if !found {
				problems = append(problems, "no "+series[1]+" with "+m[0])
			}
		}
	}
	for _, group := range grouping.FindAllStringSubmatch(expression, -1) {
		for label := range strings.SplitSeq(group[1], ",") {
			if label = strings.TrimSpace(label); s[named[0][1]] != nil && s[named[0][1]][label] == nil {
				problems = append(problems, "no label "+label+" of "+named[0][1])
			}
		}
	}
	return problems
}

// TestPrometheusAcceptsRulesAndExpressions asks promtool: it checks the rules, runs
// their tests, and parses the expressions of the dashboard.
func TestPrometheusAcceptsRulesAndExpressions(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if testing.Short() {
			t.Skip("needs promtool; make test runs it")
		}
		t.Fatal("promtool is missing: install Debian's package prometheus")
	}
	type rule struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	var rules []rule
	for _, expression := range panelExpressions(t) {
		rules = append(rules, rule{fmt.Sprintf("panel:%d", len(rules)), expression})
	}
	panels, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"check", "rules", rulesFile}, {"test", "rules", rulesTestFile}, {"check", "rules", write(t, t.TempDir()+"/panels.yaml", string(panels))},
	} {
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// TestEveryAlertIsTested keeps an alert from being added without its test.
func TestEveryAlertIsTested(t *testing.T) {
	text, err := os.ReadFile(rulesTestFile)
	if err != nil {
		t.Fatal(err)
	}
	for alert := range alertExpressions(t) {
		if fires := regexp.MustCompile(`(?m)^ +alertname: ` + alert + `\n +exp_alerts:\n`); !fires.Match(text) {
			t.Errorf("no test sees %s fire", alert)
		}
	}
}
