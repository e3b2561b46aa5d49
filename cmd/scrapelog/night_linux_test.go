package main_test

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// nightWorker has scrapes that go on until the worker is killed. In the morning they
// bring a row each; but stock brings nothing until there is stock, login fails until it
// is mended, and weekly goes on until the week is over.
const nightWorker = `listen: %[1]s
scrapes:
%[3]s  - name: stock
    command: [sh, -c, "test -e %[2]s/morning || exec sleep 1000; test ! -e %[2]s/stocked || echo row"]
  - name: login
    command: [sh, -c, "test -e %[2]s/morning || exec sleep 1000; test -e %[2]s/mended || { echo the login page has changed >&2; exit 1; }; echo row"]
  - name: weekly
    command: [sh, -c, "until test -e %[2]s/sunday; do sleep 0.05; done; echo row"]
`

const nightServer = `listen: %s
database: %q
public_url: https://scrapelog.example
notify:
  group_wait: %s
  to:
    - {name: hook, webhook_env: NIGHT_HOOK, secret_env: NIGHT_SECRET}
    - {name: mail, shoutrrr_env: NIGHT_MAIL}
scrapers:
`

// night is a server, the worker of its scrapers, and those who are told.
type night struct {
	api
	dir          string
	server       *process
	worker       *process
	workerConfig string
	hook         *hook
	mail         *mailbox
	diary        []entry
}

// entry is what happened at a time.
type entry struct {
	at    time.Time
	where string // empty: what the test did
	what  string
}

func newNight(t *testing.T, database string) *night {
	n := &night{dir: t.TempDir(), hook: newHook(t, nil), mail: newMailbox(t)}
	setenv(t, "NIGHT_HOOK", n.hook.URL)
	setenv(t, "NIGHT_SECRET", webhookSecret)
	setenv(t, "NIGHT_MAIL", "smtp://"+n.mail.addr+"/?from=scrapelog@example.org&to=ops@example.org&usestarttls=no")
	listen, addr := gatetest.FreeAddress(t), gatetest.FreeAddress(t)
	var scrapes, config strings.Builder
	fmt.Fprintf(&config, nightServer, addr, database, groupWait)
	for _, name := range nightNames() {
		expect := ""
		switch {
		case name == "stock":
			expect = ", expect: {min_items: 1}"
		case name != "login":
			fmt.Fprintf(&scrapes, "  - {name: %s, command: [sh, -c, \"test -e %s/morning || exec sleep 1000; echo row\"]}\n", name, n.dir)
		}
		fmt.Fprintf(&config, "  - {name: %[1]s, url: http://%[2]s/scrapes/%[1]s, probe: {interval: 200ms}, recovery: {hold_down: 1s}%[3]s}\n", name, listen, expect)
	}
	fmt.Fprintf(&config, "  - {name: weekly, url: http://%s/scrapes/weekly, expect: {success_within: 2s}}\n", listen)
	n.workerConfig = write(t, filepath.Join(n.dir, "worker.yaml"), fmt.Sprintf(nightWorker, listen, n.dir, scrapes.String()))
	n.api = api{t, "http://" + addr}
	n.startWorker()
	listens(t, listen)
	n.server = start(t, "serve", "--config", write(t, filepath.Join(n.dir, "scrapelog.yaml"), config.String()))
	n.ready()
	return n
}

// nightNames are the scrapers that run in the night.
func nightNames() []string {
	names := []string{"stock", "login"}
	for i := range 28 {
		names = append(names, fmt.Sprintf("shop-%02d", i+1))
	}
	return names
}

func (n *night) startWorker() { n.worker = start(n.t, "worker", "--config", n.workerConfig) }

// note writes down what the test does.
func (n *night) note(what string) { n.diary = append(n.diary, entry{at: time.Now(), what: what}) }

// come makes a file that a scrape looks for.
func (n *night) come(file string) { write(n.t, filepath.Join(n.dir, file), "") }

// again runs a scraper to its end.
func (n *night) again(scraper, status string) {
	n.t.Helper()
	if r := n.ended(n.startRun(scraper).ID, 30*time.Second); r.Status != status {
		n.t.Errorf("%s ended as %s %s", scraper, r.Status, r.Detail)
	}
}

// told waits until both channels were told of so many things.
func (n *night) told(many int) {
	n.t.Helper()
	n.hook.await(n.t, many)
	n.mail.await(n.t, many)
}

// notice is a notice as the API lists it.
type notice struct {
	ID, Channel, Type, State, Title string
	Attempts                        int
	LastError                       string `json:"last_error"`
}

func (n *night) listed(query string) []notice {
	n.t.Helper()
	var page struct{ Notices []notice }
	n.do("GET", "/api/v1/notices?limit=500&"+query, "", &page)
	return page.Notices
}

// TestANightIsTold kills the worker of thirty scrapers while the mail server is away,
// has both come back, one scraper bring nothing, another fail and a third never run, and
// shows every notice that arrived.
func TestANightIsTold(t *testing.T) {
	if testing.Short() {
		t.Skip("needs half a minute; make test runs it")
	}
	t.Parallel()
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		n := newNight(t, db.URL)
		n.goesWrong()
		n.morning()
		n.checkOutage()
		n.checkTold()
		if code := n.server.stop(t); code != 0 {
			t.Errorf("exit %d", code)
		}
		n.tell()
	})
}

func (n *night) goesWrong() {
	n.t.Helper()
	for _, name := range nightNames() {
		n.startRun(name)
	}
	await(n.t, 30*time.Second, "thirty streams are open", func() bool {
		return strings.Contains(n.text("/metrics"), `scrapelog_open_streams{kind="scraper"} 30`)
	})
	n.note("thirty scrapers run; weekly does not")
	n.told(1) // weekly is overdue
	n.mail.goDown()
	n.note("the mail server goes down")
	n.worker.kill()
	n.note("the worker is killed")
	n.hook.await(n.t, 2)
	await(n.t, 30*time.Second, "a mail that was refused", func() bool {
		return slices.ContainsFunc(n.listed("channel=mail"), func(m notice) bool { return m.State == "pending" && m.Attempts > 0 && m.LastError != "" })
	})
	n.note("the mail server comes back")
	n.mail.comeBack(n.t)
	n.told(2)
}

func (n *night) morning() {
	n.t.Helper()
	n.come("morning")
	n.startWorker()
	n.note("the worker is started again; stock has nothing to bring, login fails")
	n.told(5) // the outage is over; stock and login
	n.come("stocked")
	n.come("mended")
	n.again("stock", "completed")
	n.again("login", "completed")
	n.note("stock and login have run once more")
	n.told(7)
	weekly := n.startRun("weekly")
	if code := n.do("POST", "/api/v1/scrapers/weekly/pause", `{"reason":"until next week"}`, nil); code != 200 {
		n.t.Fatalf("pause: %d", code)
	}
	n.come("sunday")
	n.ended(weekly.ID, 30*time.Second)
	n.note("weekly has run for the first time")
	n.told(8)
}

// checkOutage: what the worker's death has cost is one outage.
func (n *night) checkOutage() {
	n.t.Helper()
	var page struct {
		Outages []struct {
			EndedAt       time.Time `json:"ended_at"`
			Scrapers      []string
			RunsLost      int `json:"runs_lost"`
			RunsRecovered int `json:"runs_recovered"`
		}
	}
	await(n.t, 30*time.Second, "thirty recovered runs", func() bool {
		n.do("GET", "/api/v1/outages", "", &page)
		return len(page.Outages) > 0 && page.Outages[0].RunsRecovered == 30
	})
	if all := page.Outages; len(all) != 1 || all[0].RunsLost != 30 || len(all[0].Scrapers) != 30 || all[0].EndedAt.IsZero() {
		n.t.Errorf("the outages: %+v", all)
	}
}

// nightTypes are what each channel is told, in any order of the kinds.
var nightTypes = []string{
	"overdue.started", "outage.started", "outage.ended", "short.started", "failing.started", "short.ended", "failing.ended", "overdue.ended",
}

// checkTold: each edge of each trouble was told once in each channel, in order, and
// nothing else was.
func (n *night) checkTold() {
	n.t.Helper()
	told, types := n.hook.notices(), n.hook.types()
	titles := map[string]string{}
	for _, r := range told {
		titles[r.Type] = r.Data.Title
		least, most := 1, 1
		if strings.HasPrefix(r.Type, "outage") {
			least, most = 30, 30
		}
		if r.Type == "outage.started" {
			least = n.lostTogether()
		}
		if about := len(r.Data.Scrapers); about < least || about > most {
			n.t.Errorf("%s is about %d scrapers, want %d to %d", r.Type, about, least, most)
		}
	}
	var mails, wantMails []string
	for _, m := range n.mail.mails() {
		mails = append(mails, m.subject)
	}
	for _, noticeType := range nightTypes {
		wantMails = append(wantMails, titles[noticeType])
	}
	sameInAnyOrder(n.t, "the webhook", types, nightTypes)
	sameInAnyOrder(n.t, "the mailbox", mails, wantMails)
	if arrived := n.hook.arrived(); arrived != len(told) {
		n.t.Errorf("%d notices arrived %d times", len(told), arrived)
	}
	for _, kind := range []string{"overdue", "outage", "short", "failing"} {
		began, ended := kind+".started", kind+".ended"
		if slices.Index(types, began) > slices.Index(types, ended) || slices.Index(mails, titles[began]) > slices.Index(mails, titles[ended]) {
			n.t.Errorf("%s is told after %s: %q, %q", began, ended, types, mails)
		}
	}
	await(n.t, 30*time.Second, "every notice is recorded as sent", func() bool {
		listed := n.listed("")
		return len(listed) == 2*len(nightTypes) && !slices.ContainsFunc(listed, func(l notice) bool { return l.State != "sent" })
	})
}

// lostTogether is how many runs were lost within group_wait: on a busy machine that may
// not be all.
func (n *night) lostTogether() (runs int) {
	n.t.Helper()
	var first time.Time
	for _, e := range n.events() {
		if e.Type != "run.connection_lost" {
			continue
		}
		if first.IsZero() {
			first = e.RecordedAt
		}
		if e.RecordedAt.Sub(first) < groupWait {
			runs++
		}
	}
	return runs
}

func sameInAnyOrder(t testing.TB, who string, got, want []string) {
	t.Helper()
	if !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
		t.Errorf("%s is told of %q, want %q", who, got, want)
	}
}

// tell shows what happened and what was told, with its time.
func (n *night) tell() {
	all := slices.Clone(n.diary)
	for _, r := range n.hook.notices() {
		all = append(all, entry{r.at, "webhook", fmt.Sprintf("%-15s %s: %s", r.Type, r.Data.Title, r.Data.Text)})
	}
	for _, m := range n.mail.mails() {
		all = append(all, entry{m.at, "mail", m.subject})
	}
	slices.SortStableFunc(all, func(a, b entry) int { return a.at.Compare(b.at) })
	var b strings.Builder
	for _, e := range all {
		fmt.Fprintf(&b, "%s  %-8s %s\n", e.at.UTC().Format("15:04:05.000"), cmp.Or(e.where, "*"), e.what)
	}
	n.t.Log("the night:\n" + b.String())
}
