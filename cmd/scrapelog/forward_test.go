package main_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

const forwardConfig = `database: %q
forward:
  nats: {url_env: BUS_URL, stream: SCRAPELOG, from: start}
scrapers:
  - {name: a, url: %[2]s}
  - {name: b, url: %[2]s}
  - {name: c, url: %[2]s}
`

const busPassword = "let-nobody-see-this"

// natsServer is a real one. It can be killed and started again with what it has stored.
type natsServer struct {
	*process
	t               *testing.T
	program, listen string
	folder          string
}

func newNATS(t *testing.T) *natsServer {
	t.Helper()
	program, err := exec.LookPath("nats-server")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nats-server"); err != nil {
			t.Fatal("nats-server is missing: install Debian's package nats-server")
		}
	}
	n := &natsServer{t: t, program: program, listen: gatetest.FreeAddress(t), folder: t.TempDir()}
	n.start()
	return n
}

func (n *natsServer) start() {
	n.t.Helper()
	_, port, _ := net.SplitHostPort(n.listen)
	n.process = launch(n.t, exec.Command(n.program, "-js", "-sd", n.folder, "-a", "127.0.0.1", "-p", port, "--user", "log", "--pass", busPassword))
	await(n.t, 30*time.Second, "nats-server listens", func() bool {
		conn, err := net.Dial("tcp", n.listen)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

func (n *natsServer) url() string { return "nats://log:" + busPassword + "@" + n.listen }

// received returns all messages of the stream, in its order.
func (n *natsServer) received() (messages []*nats.Msg) {
	n.t.Helper()
	conn, err := nats.Connect(n.url())
	if err != nil {
		n.t.Fatal(err)
	}
	defer conn.Close()
	js, err := conn.JetStream()
	if err != nil {
		n.t.Fatal(err)
	}
	info, err := js.StreamInfo("SCRAPELOG")
	if err != nil {
		n.t.Fatal(err)
	}
	all, err := js.SubscribeSync("SCRAPELOG.>", nats.OrderedConsumer())
	if err != nil {
		n.t.Fatal(err)
	}
	for uint64(len(messages)) < info.State.Msgs {
		m, err := all.NextMsg(30 * time.Second)
		if err != nil {
			n.t.Fatal(err)
		}
		messages = append(messages, m)
	}
	return messages
}

// TestTheLogArrivesInNATS kills servers, and once NATS itself, while runs start and end.
// Each event of the log arrives, in log order, and what comes twice has one id.
func TestTheLogArrivesInNATS(t *testing.T) {
	if testing.Short() {
		t.Skip("needs nats-server; make test runs it")
	}
	t.Parallel()
	for name, servers := range map[string]int{"sqlite": 1, "postgres": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := eventstoretest.SQLite
			if servers > 1 {
				database = eventstoretest.Postgres
			}
			broker := newNATS(t)
			setenv(t, "BUS_URL", broker.url())
			shop, _ := failingScraper(t)
			config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), fmt.Sprintf(forwardConfig, database(t).URL, shop.URL))
			d := &doomed{T: t, config: config}
			for i := range servers {
				d.servers, d.processes = append(d.servers, api{t, "http://" + gatetest.FreeAddress(t)}), append(d.processes, nil)
				d.start(i)
				d.servers[i].ready()
			}
			for round := range 3 {
				runs(d.servers, 12)
				switch round {
				case 0, 1:
					i := rand.N(servers)
					d.processes[i].kill()
					d.start(i)
				case 2:
					broker.kill()
					runs(d.servers, 6)
					for _, a := range d.servers {
						await(t, 30*time.Second, "what waits is a warning", func() bool {
							var readiness struct {
								Ready    bool
								Warnings []string
							}
							return a.do("GET", "/readyz", "", &readiness) == 200 && strings.Contains(strings.Join(readiness.Warnings, " "), "forward:nats is blocked at position ")
						})
					}
					broker.start()
				}
				for _, a := range d.servers {
					a.ready()
				}
			}
			want := settled(t, d.servers[0], "nats")
			messages := broker.received()
			compare(t, d.servers[0].events(), messages, want)
			for _, p := range d.processes {
				if strings.Contains(p.out.String(), busPassword) {
					t.Error("the log of a server has the password")
				}
				if warned := strings.Count(p.out.String(), "cannot be forwarded"); warned > 1 {
					t.Errorf("%d warnings of one outage", warned)
				}
			}
		})
	}
}

// runs starts runs of a, b and c as fast as they end, at a server that answers.
func runs(servers []api, n int) {
	for started := 0; started < n; {
		a := servers[rand.N(len(servers))]
		if a.do("POST", "/api/v1/scrapers/"+[]string{"a", "b", "c"}[rand.N(3)]+"/runs", "", nil) == 201 {
			started++
			continue
		}
		time.Sleep(time.Millisecond) // leave the processor to the runs that are to end
	}
}

// settled waits until no run is open and the target has the log as it is then, and returns
// how many events those are. The log can grow again: a run that was lost is done once more.
func settled(t *testing.T, a api, target string) (events int) {
	t.Helper()
	await(t, 60*time.Second, "the log has arrived", func() bool {
		events = len(a.events())
		if len(a.runs("status=running")) > 0 {
			return false
		}
		return strings.Contains(a.text("/metrics"), fmt.Sprintf("scrapelog_consumer_position{consumer=%q} %d\n", "forward:"+target, events))
	})
	return events
}

// compare holds the messages against the log, which is read after them: they are its
// beginning, and no fewer than want.
func compare(t *testing.T, log []event, messages []*nats.Msg, want int) {
	t.Helper()
	seen, twice := map[string]bool{}, 0
	for _, m := range messages {
		var e struct {
			SpecVersion, ID, Source, Type, Subject, DataContentType, Position, StreamVersion string
			Time                                                                             time.Time
			Data                                                                             map[string]any
		}
		if err := json.Unmarshal(m.Data, &e); err != nil {
			t.Fatalf("%v in %s", err, m.Data)
		}
		if seen[e.ID] {
			twice++
			continue
		}
		if len(seen) == len(log) {
			t.Fatalf("%s is not in the log", m.Data)
		}
		next := log[len(seen)]
		seen[e.ID] = true
		if e.ID != next.ID || e.Type != next.Type || e.Subject != next.Stream || e.Position != fmt.Sprint(next.Position) || e.StreamVersion != fmt.Sprint(next.Version) ||
			e.SpecVersion != "1.0" || e.DataContentType != "application/json" || !e.Time.Equal(next.RecordedAt) || !reflect.DeepEqual(e.Data, next.Data) {
			t.Fatalf("message %d is %s, want %+v", len(seen), m.Data, next)
		}
		if m.Subject != "SCRAPELOG."+next.Stream || m.Header.Get(nats.MsgIdHdr) != next.ID || m.Header.Get("content-type") != "application/cloudevents+json; charset=UTF-8" {
			t.Fatalf("event %d is at %s with %v", next.Position, m.Subject, m.Header)
		}
	}
	t.Logf("%d events, %d came twice", len(seen), twice)
	if len(seen) < want || want < 60 {
		t.Errorf("%d of %d events arrived", len(seen), want)
	}
}
