package worker

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestHowACommandEnds(t *testing.T) {
	tests := map[string]struct {
		argv       []string
		kind, data string
	}{
		"exit status 0 is completed, items are lines": {[]string{"printf", `a\nb\nc\n`}, "completed", `{"items":3}`},
		"the last line needs no line end":             {[]string{"printf", `a\nb`}, "completed", `{"items":2}`},
		"no output is no item":                        {[]string{"true"}, "completed", `{"items":0}`},
		"a final line may give the number":            {[]string{"printf", `a\n{"items": 42}\n`}, "completed", `{"items":42}`},
		"only the final line may":                     {[]string{"printf", `{"items":42}\nb\n`}, "completed", `{"items":2}`},
		"a final line with more in it is a line":      {[]string{"printf", `{"items":42,"x":1}\n`}, "completed", `{"items":1}`},
		"a negative number is a line":                 {[]string{"printf", `{"items":-1}\n`}, "completed", `{"items":1}`},
		"another status is failed, with stderr":       {[]string{"sh", "-c", "echo out; echo why >&2; exit 3"}, "failed", `{"error":"exit status 3: why"}`},
		"a status without words":                      {[]string{"false"}, "failed", `{"error":"exit status 1"}`},
		"of stderr only the last lines":               {[]string{"sh", "-c", "seq 1 100000 >&2; exit 1"}, "failed", `{"error":"exit status 1: 99991\n99992\n99993\n99994\n99995\n99996\n99997\n99998\n99999\n100000"}`},
		"a signal":                                    {[]string{"sh", "-c", "kill -9 $$"}, "failed", `{"error":"signal: killed"}`},
		"a program that is not there":                 {[]string{"/nonexistent/program"}, "failed", `{"error":"cannot start: fork/exec /nonexistent/program: no such file or directory"}`},
		"stderr that is no UTF-8":                     {[]string{"sh", "-c", `printf 'a\377b' >&2; exit 1`}, "failed", `{"error":"exit status 1: a` + "\uFFFD" + `b"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			base, _ := serve(t, commandConfig(tt.argv...))
			resp, _ := post(t, base+"/scrapes/job", Order{RunID: "r1"})
			if kind, data, _ := outcome(t, resp); kind != tt.kind || data != tt.data {
				t.Errorf("%s %s\nwant %s %s", kind, data, tt.kind, tt.data)
			}
		})
	}
}

// Proxies may hold credentials, and programs need them all the same; everything
// else that may is the scrape's only when its configuration names it.
func TestACommandSeesTheRunAndNoSecrets(t *testing.T) {
	inherited := map[string]string{
		"LANG": "C.UTF-8", "LC_ALL": "C", "LC_NUMERIC": "de_DE", "LANGUAGE": "de:en", "TZ": "Europe/Berlin", "TMPDIR": "/var/tmp",
		"VIRTUAL_ENV": "/venv", "HOME": "/root", "PATH": os.Getenv("PATH"),
		"HTTPS_PROXY": "http://127.0.0.1:3128", "https_proxy": "http://127.0.0.1:3129", "http_proxy": "http://127.0.0.1:3130",
		"NO_PROXY": "localhost", "no_proxy": "localhost", "all_proxy": "socks5://127.0.0.1:1080",
		"SSL_CERT_FILE": "/ca.pem", "SSL_CERT_DIR": "/ca", "REQUESTS_CA_BUNDLE": "/ca.pem", "CURL_CA_BUNDLE": "/ca.pem", "NODE_EXTRA_CA_CERTS": "/ca.pem",
		"SHOP_TOKEN": "named", "empty_one": "",
	}
	for name, value := range inherited {
		t.Setenv(name, value)
	}
	for _, name := range []string{"SCRAPELOG_DB", "AWS_SECRET_ACCESS_KEY", "LD_PRELOAD_NOT", "Https_Proxy", "MY_HTTPS_PROXY", "LCX", "SHOP_TOKEN_2", "SCRAPELOG_RUN_ID"} {
		t.Setenv(name, "canary")
	}
	cfg := commandConfig("env")
	cfg.Scrapes[0].Env = []string{"SHOP_TOKEN", "empty_one", "SCRAPELOG_RUN_ID", "NOT_SET"}
	base, _ := serve(t, cfg)
	order := Order{
		RunID: "r1", Scraper: "shop", Recovers: "r0",
		Platforms: []string{"alpha", "beta"}, Params: json.RawMessage(`{"depth":2}`),
	}
	resp, _ := post(t, base+"/scrapes/job", order)
	_, _, before := outcome(t, resp)
	got := map[string]string{}
	for _, event := range before {
		var p lineProgress
		if err := json.Unmarshal([]byte(event.Data), &p); err != nil {
			t.Fatal(err)
		}
		name, value, _ := strings.Cut(p.Line, "=")
		got[name] = value
	}
	want := map[string]string{
		"SCRAPELOG_RUN_ID": "r1", "SCRAPELOG_SCRAPER": "shop", "SCRAPELOG_PARAMS": `{"depth":2}`, "SCRAPELOG_PLATFORMS": "alpha,beta",
	}
	maps.Copy(want, inherited)
	for name, value := range want {
		if given, there := got[name]; given != value || !there {
			t.Errorf("%s = %q, want %q", name, given, value)
		}
	}
	for name := range got {
		if _, expected := want[name]; !expected && name != "SCRAPELOG_GUARD" && !strings.HasPrefix(name, "LC_") && !isProxyOrCertificate(name) {
			t.Errorf("the command sees %s", name)
		}
	}
}

// isProxyOrCertificate knows what the machine of the test may have set.
func isProxyOrCertificate(name string) bool {
	upper := strings.ToUpper(name)
	return (name == upper || name == strings.ToLower(name)) && slices.Contains(proxies, upper) || slices.Contains(inherited, name)
}

func TestWhatACommandPrintsStaysASmallEvent(t *testing.T) {
	const long = 1 << 20
	tests := map[string]string{
		"a long line":                  fmt.Sprintf("head -c %d /dev/zero | tr '\\0' x; echo; echo end", long),
		"a line that JSON makes large": fmt.Sprintf("head -c %d /dev/zero; echo; echo end", long),
		"bytes that are no UTF-8":      `printf 'x\377%.0s' $(seq 1 50000); echo; echo end`,
	}
	for name, script := range tests {
		t.Run(name, func(t *testing.T) {
			base, _ := serve(t, commandConfig("sh", "-c", script))
			resp, _ := post(t, base+"/scrapes/job", Order{RunID: "r1"})
			kind, data, before := outcome(t, resp)
			if kind != "completed" || data != `{"items":2}` || len(before) != 2 {
				t.Fatalf("%s %s after %d events", kind, data, len(before))
			}
			if got := before[0].Data; len(got) > 64<<10 || len(got) < maxLine || !utf8.ValidString(got) || !json.Valid([]byte(got)) {
				t.Errorf("an event of %d bytes, JSON: %t", len(got), json.Valid([]byte(got)))
			}
		})
	}
}

// A million lines would be 30 MB of events; only the count matters.
func TestATalkativeCommandIsCountedInFullAndReportedInPart(t *testing.T) {
	base, _ := serve(t, commandConfig("seq", "1", "200000"))
	resp, _ := post(t, base+"/scrapes/job", Order{RunID: "r1"})
	kind, data, before := outcome(t, resp)
	if kind != "completed" || data != `{"items":200000}` {
		t.Errorf("%s %s", kind, data)
	}
	if len(before) < progressBurst || len(before) > 2*progressBurst {
		t.Errorf("%d events", len(before))
	}
}

// What a command leaves in the background ends with it, and does not keep the
// scrape waiting although it holds the output open.
func TestAFinishedCommandLeavesNothingBehind(t *testing.T) {
	base, _ := serve(t, commandConfig("sh", "-c", "sleep 1000 & echo $!"))
	started := time.Now()
	resp, _ := post(t, base+"/scrapes/job", Order{RunID: "r1"})
	kind, data, before := outcome(t, resp)
	if took := time.Since(started); took >= outputGrace {
		t.Errorf("took %s", took)
	}
	if kind != "completed" || len(before) == 0 {
		t.Fatalf("%s %s after %d events", kind, data, len(before))
	}
	pid := pidIn(t, before[0].Data)
	eventually(t, "the background process is gone", func() bool { return !runs(pid) })
}
