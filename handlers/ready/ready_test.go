package ready

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/proof"
)

// working is an instance of which every answer can be set.
type working struct {
	*Startup
	stopping   bool
	silent     time.Duration
	overdue    string
	unrecorded int
	clockSet   time.Duration
}

func (w working) Stopping() bool                   { return w.stopping }
func (w working) LastBeat() (time.Duration, error) { return w.silent, nil }
func (w working) Overdue() string                  { return w.overdue }
func (w working) Unrecorded() (int, error)         { return w.unrecorded, errors.New("disk full") }
func (w working) ClockSet() (by, ago time.Duration) {
	return w.clockSet, time.Minute
}

// state is what a check finds; the zero value, with a start that is over, is ready.
type state struct {
	working
	none        bool // no tenure
	done        step
	refused     string
	wrong, weak []string
	damage      string
	witnesses   map[string]string
	shortages   []string
	givenUp     int64
	misread     string
	cannotWrite []string
	groups      []feed.Group
	relays      []feed.Group
	unanswered  error
}

func (s state) checker() *Checker {
	s.Startup = &Startup{}
	s.Startup.done(s.done, 10)
	return &Checker{
		CannotWrite: func(context.Context) []string { return s.cannotWrite },
		Groups:      func(context.Context) ([]feed.Group, error) { return s.groups, s.unanswered },
		Relays:      func(context.Context) ([]feed.Group, error) { return s.relays, s.unanswered },
		Current:     func() (Instance, bool) { return s.working, !s.none },
		Sealing:     func() proof.State { return proof.State{Refused: s.refused} },
		Shortages:   func() []string { return s.shortages },
		Refused:     func() (time.Time, string) { return time.Unix(0, 0), s.misread },
		GivenUp:     func(context.Context) (int64, error) { return s.givenUp, nil },
		Found:       func() (wrong, weak []string) { return s.wrong, s.weak },
		Damage:      func() string { return s.damage },
		Witnesses:   func() map[string]string { return s.witnesses },
	}
}

func TestReasons(t *testing.T) {
	for name, test := range map[string]struct {
		state
		want string
	}{
		"ready":                           {state{done: ticking, groups: []feed.Group{{Name: "runs", Position: 10}}}, ""},
		"no tenure":                       {state{none: true}, "starting or stopping"},
		"stopping":                        {state{done: ticking, working: working{stopping: true}}, "stopping"},
		"the scrapers are applied":        {state{done: swept}, "starting: bringing the configured scrapers into the log"},
		"the schedules are read":          {state{done: applied}, "starting: reading the schedules"},
		"a beat that is old":              {state{done: ticking, working: working{silent: 7 * time.Second}}, "this instance could not say that it lives for 7s"},
		"a beat that is young enough":     {state{done: ticking, working: working{silent: 6 * time.Second}}, ""},
		"a slot that is overdue":          {state{done: ticking, working: working{overdue: "a slot is overdue"}}, "a slot is overdue"},
		"ends that are not recorded":      {state{done: ticking, working: working{unrecorded: 2}}, "2 ended runs wait to be recorded: disk full"},
		"sealing is refused":              {state{done: ticking, refused: "the key is gone"}, "sealing was refused: the key is gone"},
		"the database was changed":        {state{done: ticking, wrong: []string{"a trigger"}}, "a trigger"},
		"the disk is full":                {state{done: ticking, cannotWrite: []string{"no space"}}, "no space"},
		"the database does not answer":    {state{done: ticking, unanswered: errors.New("refused")}, "the database does not answer: refused"},
		"a group that has not come up":    {state{done: ticking, groups: []feed.Group{{Name: "runs", Position: 9}}}, "starting: runs reads the log"},
		"a group that is behind":          {state{done: ticking, groups: []feed.Group{{Name: "runs", Position: 10, Behind: 6 * time.Second}}}, "runs is 6s behind"},
		"a group that is blocked":         {state{done: ticking, groups: []feed.Group{{Name: "runs", Position: 10, BlockedBy: "11"}}}, "runs is blocked at 11"},
		"a group past the end of the log": {state{done: ticking, groups: []feed.Group{{Name: "runs", Position: 10, Lag: -2}}}, "runs is blocked: its offset 10 lies past the end of the log at 8; stop the service and run scrapelog db repair-guards"},
		"dead letters":                    {state{done: ticking, groups: []feed.Group{{Name: "rescrape", Position: 10, DeadLetters: 3}}}, "events that rescrape gave up: 3; see scrapelog events dead-letters list"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(test.checker().Reasons(t.Context()), " | "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestWarningsDoNotKeepFromBeingReady(t *testing.T) {
	c := state{done: ticking, working: working{clockSet: time.Hour}, weak: []string{"others may write"}, shortages: []string{"no stream is free"}, givenUp: 2, misread: "line 3",
		relays:    []feed.Group{{Name: "forward:nats", BlockedBy: "position 7: refused"}, {Name: "forward:kafka", Lag: 2, Behind: time.Minute}},
		witnesses: map[string]string{"witness b refuses the log": "b says no", "witness a refuses the log": "a says no"}}.checker()
	if reasons := c.Reasons(t.Context()); len(reasons) > 0 {
		t.Error(reasons)
	}
	if got := strings.Join(c.Warnings(t.Context()), " | "); got != "the clock was set by 1h0m0s, 1m0s ago | notices given up: 2; see scrapelog notices list --state given_up | the configuration file is refused since 1970-01-01T00:00:00Z, and the one before it is in force: line 3 | a says no | b says no | forward:nats is blocked at position 7: refused | forward:kafka is 1m0s behind | no stream is free | others may write" {
		t.Error(got)
	}
	if troubles, err := c.Troubles(t.Context()); err != nil || troubles["witness b refuses the log"] != "b says no" {
		t.Error(troubles, err)
	}
}
