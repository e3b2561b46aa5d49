package scrape

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"scrapelog/domain"
)

// island is a network of its own, with one cable to ours.
type island struct {
	t                   *testing.T
	name, ours, theirs  string // the namespace and the ends of the cable
	ourAddress, address string
}

// newIsland makes one, or says why this machine lets us not.
func newIsland(t *testing.T, n int) (_ *island, why string) {
	t.Helper()
	i := &island{t: t, name: fmt.Sprintf("scrapelog-%d-%d", os.Getpid(), n), ours: fmt.Sprintf("sl%da%d", os.Getpid()%10000, n), theirs: fmt.Sprintf("sl%db%d", os.Getpid()%10000, n)}
	subnet := fmt.Sprintf("10.%d.%d.", 200+os.Getpid()%50, n)
	i.ourAddress, i.address = subnet+"1", subnet+"2"
	if os.Geteuid() != 0 {
		return nil, "network namespaces need root"
	}
	if out, err := exec.Command(program(t, "ip"), "netns", "add", i.name).CombinedOutput(); err != nil {
		return nil, fmt.Sprintf("no network namespaces here: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command(program(t, "ip"), "netns", "del", i.name).Run() }) // the cable goes with it
	for _, line := range [][]string{
		{"link", "add", i.ours, "type", "veth", "peer", "name", i.theirs, "netns", i.name},
		{"addr", "add", i.ourAddress + "/24", "dev", i.ours},
		{"link", "set", i.ours, "up"},
		{"-n", i.name, "addr", "add", i.address + "/24", "dev", i.theirs},
		{"-n", i.name, "link", "set", i.theirs, "up"},
	} {
		if out, err := exec.Command(program(t, "ip"), line...).CombinedOutput(); err != nil {
			return nil, fmt.Sprintf("no cable into a network namespace here: ip %v: %v: %s", line, err, out)
		}
	}
	return i, ""
}

func (i *island) ip(args ...string) {
	if out, err := exec.Command(program(i.t, "ip"), args...).CombinedOutput(); err != nil {
		i.t.Errorf("ip %v: %v: %s", args, err, out)
	}
}

// netFaults: what is done to the network, before a run or in mid-stream.
func netFaults() map[string]struct {
	first bool
	do    func(i *island)
	want  want
} {
	const idle = time.Second
	silence := streamed(domain.CauseIdleTimeout, 0).unsent().after(idle + grace)
	unreachable := connecting(domain.CauseUnreachable).unsent()
	type netFault = struct {
		first bool
		do    func(i *island)
		want  want
	}
	return map[string]netFault{
		"their interface down in mid-stream": {do: func(i *island) { i.ip("-n", i.name, "link", "set", i.theirs, "down") }, want: silence},
		"our interface down in mid-stream":   {do: func(i *island) { i.ip("link", "set", i.ours, "down") }, want: silence},
		"the cable cut in mid-stream":        {do: func(i *island) { i.ip("link", "del", i.ours) }, want: silence},
		"the way back blackholed":            {do: func(i *island) { i.ip("-n", i.name, "route", "add", "blackhole", i.ourAddress+"/32") }, want: silence},
		"no route: unreachable":              {first: true, do: func(i *island) { i.ip("route", "add", "unreachable", i.address+"/32") }, want: unreachable},
		"no route: prohibited":               {first: true, do: func(i *island) { i.ip("route", "add", "prohibit", i.address+"/32") }, want: unreachable},
		"no route: blackhole":                {first: true, do: func(i *island) { i.ip("route", "add", "blackhole", i.address+"/32") }, want: unreachable},
		"nobody at the address":              {first: true, do: func(i *island) { i.ip("-n", i.name, "link", "set", i.theirs, "down") }, want: connecting(domain.CauseConnectTimeout).unsent().after(time.Second)},
	}
}

// TestFaultsOfTheNetwork cuts networks. Where the machine lets us make none it
// says so, and tests nothing.
func TestFaultsOfTheNetwork(t *testing.T) {
	var table sync.Map
	t.Run("inject", func(t *testing.T) {
		n := 0
		for name, f := range netFaults() {
			n++
			number := n
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				i, why := newIsland(t, number)
				if i == nil {
					t.Log("NOT TESTED: " + why)
					return
				}
				s := startScraper(t, i.address+":0", program(t, "ip"), "netns", "exec", i.name)
				sc := scenario{url: s.url, during: onceHeard(func() { f.do(i) }), config: func(c *domain.ScraperConfig) {
					c.ConnectTimeout, c.StartTimeout, c.IdleTimeout = domain.Duration(time.Second), domain.Duration(5*time.Second), domain.Duration(time.Second)
				}}
				if f.first {
					f.do(i)
					sc.during = nil
				} else {
					reachable(t, s.url)
				}
				c, _, took := sc.run(t)
				table.Store("network: "+name, f.want.row(c, took))
				f.want.anyEvents(c).check(t, c, 0, took)
			})
		}
	})
	t.Log("\n" + printTable(&table))
}

// reachable waits for a network that was only just made: what is sent before its
// ends have noticed each other is lost.
func reachable(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "a network", func() bool {
		conn, err := net.DialTimeout("tcp", u.Host, 200*time.Millisecond)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}
