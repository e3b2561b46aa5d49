package scrape

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/scrape/networktest"
)

// netFault is done to the network between us and a scraper: before the run is
// POSTed or in mid-stream.
type netFault struct {
	first  func(i *networktest.Island)
	during func(i *networktest.Island)
	url    func(i *networktest.Island) string // default: the scraper's
	want   want
}

const netIdle = time.Second

func networkFaults() map[string]netFault {
	type island = networktest.Island
	silence := streamed(domain.CauseIdleTimeout, 0).unsent().after(netIdle + grace)
	unreachable := connecting(domain.CauseUnreachable).unsent()
	nobody := func(*island) string { return "http://192.0.2.1:80/" } // which no network has
	return map[string]netFault{
		"their interface down in mid-stream": {during: func(i *island) { i.There("link", "set", i.Plug, "down") }, want: silence},
		"our interface down in mid-stream":   {during: func(i *island) { i.Here("link", "set", i.Cable, "down") }, want: silence},
		"the cable cut in mid-stream":        {during: func(i *island) { i.Here("link", "del", i.Cable) }, want: silence},
		"our address taken away":             {during: func(i *island) { i.Here("addr", "del", i.Ours+"/24", "dev", i.Cable) }, want: silence},
		"the way back blackholed":            {during: func(i *island) { i.There("route", "add", "blackhole", i.Ours+"/32") }, want: silence},
		"the way there blackholed":           {during: func(i *island) { i.Here("route", "add", "blackhole", i.Theirs+"/32") }, want: silence},
		"the way there prohibited":           {during: func(i *island) { i.Here("route", "add", "prohibit", i.Theirs+"/32") }, want: silence},

		"no route: unreachable": {first: func(i *island) { i.Here("route", "add", "unreachable", i.Theirs+"/32") }, want: unreachable},
		"no route: prohibited":  {first: func(i *island) { i.Here("route", "add", "prohibit", i.Theirs+"/32") }, want: unreachable},
		"no route: blackhole":   {first: func(i *island) { i.Here("route", "add", "blackhole", i.Theirs+"/32") }, want: unreachable},
		"no route at all":       {url: nobody, want: unreachable},
		"a router knows no such host": {first: routed("unreachable", "192.0.2.2"), want: unreachable,
			url: func(*island) string { return "http://192.0.2.2:80/" }},
		"a firewall says no": {first: routed("prohibit", "192.0.2.3"), want: unreachable,
			url: func(*island) string { return "http://192.0.2.3:80/" }},
		"nobody has the address": {want: unreachable.after(300 * time.Millisecond),
			first: func(i *island) { i.Here("ntable", "change", "name", "arp_cache", "dev", i.Cable, "retrans", "100") }, // three times
			url:   func(i *island) string { return "http://" + strings.TrimSuffix(i.Theirs, "2") + "9:80/" }},
		"SYN into the void": {want: connecting(domain.CauseConnectTimeout).unsent().after(time.Second), first: func(i *island) {
			i.Here("neigh", "replace", i.Theirs, "lladdr", "02:00:00:00:00:99", "nud", "permanent", "dev", i.Cable)
		}},
		"refused from afar": {want: connecting(domain.CauseRefused).unsent(), url: func(i *island) string { return "http://" + i.Theirs + ":81/" }},
	}
}

// routed sends what is for an address to the island, whose answer to it is a
// route of the given type.
func routed(kind, address string) func(*networktest.Island) {
	return func(i *networktest.Island) {
		i.Route()
		i.There("route", "add", kind, address+"/32")
		i.Here("route", "add", address+"/32", "via", i.Theirs)
	}
}

// TestFaultsOfTheNetwork cuts networks.
func TestFaultsOfTheNetwork(t *testing.T) {
	if !networktest.Private(t) {
		return
	}
	var table sync.Map
	t.Run("inject", func(t *testing.T) {
		for name, f := range networkFaults() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c, took := f.run(t)
				table.Store("network: "+name, f.want.row(c, took))
				f.want.anyEvents(c).check(t, c, 0, took)
			})
		}
	})
	t.Log("\n" + printTable(&table))
}

// run makes an island with a scraper on it, sees that it can be reached, and
// breaks that.
func (f netFault) run(t *testing.T) (domain.RunCommand, time.Duration) {
	i := networktest.NewIsland(t)
	startScraper(t, i.Theirs+":80", i.Start)
	reachable(t, i.Theirs+":80")
	sc := scenario{url: "http://" + i.Theirs + ":80/scrapes/shop", config: func(c *domain.ScraperConfig) {
		c.ConnectTimeout, c.StartTimeout, c.IdleTimeout = domain.Duration(20*time.Second), domain.Duration(20*time.Second), domain.Duration(netIdle)
		if f.want.cause == domain.CauseConnectTimeout {
			c.ConnectTimeout = domain.Duration(time.Second)
		}
	}}
	if f.url != nil {
		sc.url = f.url(i)
	}
	if f.first != nil {
		f.first(i)
	}
	broken := make(chan struct{})
	if f.during == nil {
		close(broken)
	} else {
		sc.during = onceHeard(func() { f.during(i); close(broken) })
	}
	c, _, took := sc.run(t)
	select {
	case <-broken:
	case <-time.After(30 * time.Second):
		t.Error("ended before anything was broken")
	}
	return c, took
}

// reachable waits for a network that was only just made: what is sent before its
// ends have noticed each other is lost.
func reachable(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; <-time.After(10 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a network that was just made: %v", err)
		}
	}
}
