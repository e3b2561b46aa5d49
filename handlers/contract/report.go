package contract

// Rule is a requirement of the contract.
type Rule string

// The rules, in the order in which a scrape meets them. Programs that read a report
// rely on these names.
const (
	RuleProbe    Rule = "probe"      // HEAD is answered
	RuleBody     Rule = "body"       // the whole body is read before the answer
	RuleHeader   Rule = "header"     // 200 text/event-stream, at once
	RuleBusy     Rule = "busy"       // 409 to a second POST
	RuleRecovers Rule = "recovers"   // 200 to a POST that recovers the held run, which ends
	RuleLeaving  Rule = "leaving"    // the scrape stops when its client leaves
	RuleFlush    Rule = "flush"      // nothing is held back
	RuleBeats    Rule = "beats"      // something is said as often as announced
	RuleBlank    Rule = "blank_line" // every event ends with one
	RuleData     Rule = "data"       // JSON in UTF-8, at most 64 KB
	RuleEnding   Rule = "ending"     // one terminal event, then the end
)

// The rules of a scraper that verifies signatures, which are checked if the target has a
// secret.
const (
	RuleUnsigned Rule = "unsigned" // 401 to an order without a signature
	RuleStale    Rule = "stale"    // 401 to an order that was signed more than five minutes ago
	RuleReplayed Rule = "replayed" // 401 to an order that has come before
)

var signedRules = []Rule{RuleUnsigned, RuleStale, RuleReplayed}

var rules = []Rule{
	RuleProbe, RuleBody, RuleHeader, RuleBusy, RuleRecovers, RuleLeaving, RuleFlush, RuleBeats, RuleBlank, RuleData, RuleEnding,
}

// Result is the result of checking a rule.
type Result string

// The results. Unseen means that the rule could not be judged; Verdict.Seen says why.
const (
	OK      Result = "ok"
	Finding Result = "finding"
	Unseen  Result = "unseen"
)

// Verdict is the result for one rule.
type Verdict struct {
	Rule   Rule   `json:"rule"`
	Result Result `json:"result"`
	Seen   string `json:"seen"`
	Fix    string `json:"fix,omitempty"` // of a finding
}

// report collects verdicts. The first finding for a rule stands.
type report map[Rule]Verdict

func (r report) ok(rule Rule, seen string) {
	if r[rule].Result != Finding {
		r[rule] = Verdict{Rule: rule, Result: OK, Seen: seen}
	}
}

func (r report) finding(rule Rule, seen, fix string) {
	if r[rule].Result != Finding {
		r[rule] = Verdict{Rule: rule, Result: Finding, Seen: seen, Fix: fix}
	}
}

func (r report) unseen(rule Rule, why string) {
	if r[rule].Result == "" {
		r[rule] = Verdict{Rule: rule, Result: Unseen, Seen: why}
	}
}

// verdicts returns a verdict for each of the rules, in their order.
func (r report) verdicts(rules []Rule) []Verdict {
	all := make([]Verdict, len(rules))
	for i, rule := range rules {
		r.unseen(rule, "the check did not get so far")
		all[i] = r[rule]
	}
	return all
}
