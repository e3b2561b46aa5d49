package worker

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
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
		"an earlier line may, when no later one does": {[]string{"printf", `{"items":42}\nb\n`}, "completed", `{"items":42}`},
		"the last such line counts":                   {[]string{"printf", `{"items":1}\n{"items":42}\n{"pages":3}\n`}, "completed", `{"items":42}`},
		"it may have other keys":                      {[]string{"printf", `{"x":1,"items":42,"pages":{"items":3}}\n`}, "completed", `{"items":42}`},
		"an empty line may follow":                    {[]string{"printf", `a\n{"items":42}\n\n`}, "completed", `{"items":42}`},
		"CRLF ends it":                                {[]string{"printf", `a\r\n{"items":42}\r\n`}, "completed", `{"items":42}`},
		"CR ends it":                                  {[]string{"printf", `50%%\r{"items":42}\r`}, "completed", `{"items":42}`},
		"a whole number may have a fraction":          {[]string{"printf", `{"items":42.0}\n`}, "completed", `{"items":42}`},
		"a whole number may have an exponent":         {[]string{"printf", `{"items":1e3}\n`}, "completed", `{"items":1000}`},
		"a number may be a string":                    {[]string{"printf", `{"items":"42"}\n`}, "completed", `{"items":42}`},
		"colours around it":                           {[]string{"printf", `\033[32m{\033[0m"items":\033[1;31m42\033[0m}\033[K\n`}, "completed", `{"items":42}`},
		"a title of the window before it":             {[]string{"printf", `\033]0;scrape\007{"items":42}\n`}, "completed", `{"items":42}`},
		"a byte order mark before it":                 {[]string{"printf", `\357\273\277{"items":42}\n`}, "completed", `{"items":42}`},
		"white space around it":                       {[]string{"printf", `\t {"items" : 42 } \n`}, "completed", `{"items":42}`},
		"a long line may give it":                     {[]string{"sh", "-c", `printf '{"pages":"%0100000d","items":42}\n' 7`}, "completed", `{"items":42}`},
		"no line end behind it":                       {[]string{"printf", `a\n{"items":42}`}, "completed", `{"items":42}`},
		"zero is a number":                            {[]string{"printf", `a\n{"items":0}\n`}, "completed", `{"items":0}`},
		"a fraction is not whole":                     {[]string{"printf", `{"items":42.5}\n`}, "completed", `{"items":1}`},
		"a number past its type is a line":            {[]string{"printf", `{"items":9223372036854775808}\n`}, "completed", `{"items":1}`},
		"null is no number":                           {[]string{"printf", `a\n{"items":null}\n`}, "completed", `{"items":2}`},
		"items within are none":                       {[]string{"printf", `{"all":{"items":42}}\n`}, "completed", `{"items":1}`},
		"an array is no object":                       {[]string{"printf", `["items",42]\n`}, "completed", `{"items":1}`},
		"another spelling is another key":             {[]string{"printf", `{"Items":42}\n`}, "completed", `{"items":1}`},
		"JSON behind other text is a line":            {[]string{"printf", `done: {"items":42}\n`}, "completed", `{"items":1}`},
		"CR ends a line of a progress bar":            {[]string{"printf", `\r10%%\r\r50%%\r100%%\r\n`}, "completed", `{"items":3}`},
		"a negative number is a line":                 {[]string{"printf", `{"items":-1}\n`}, "completed", `{"items":1}`},
		"another status is failed, with stderr":       {[]string{"sh", "-c", "echo out; echo why >&2; exit 3"}, "failed", `{"error":"exit status 3: why"}`},
		"a status without words":                      {[]string{"false"}, "failed", `{"error":"exit status 1"}`},
		"of stderr only the last lines":               {[]string{"sh", "-c", "seq 1 100000 >&2; exit 1"}, "failed", `{"error":"exit status 1: 99991\n99992\n99993\n99994\n99995\n99996\n99997\n99998\n99999\n100000"}`},
		"a signal":                                    {[]string{"sh", "-c", "kill -9 $$"}, "failed", `{"error":"signal: killed"}`},
		"a program that is not there":                 {[]string{"/nonexistent/program"}, "failed", `{"error":"cannot start: fork/exec /nonexistent/program: no such file or directory"}`},
		"a program that is in no folder of PATH":      {[]string{"nonexistent-program"}, "failed", `{"error":"cannot start: exec: \"nonexistent-program\": executable file not found in $PATH"}`},
		"a program that may not be executed":          {[]string{"/etc/passwd"}, "failed", `{"error":"cannot start: fork/exec /etc/passwd: permission denied"}`},
		"nothing can be read":                         {[]string{"sh", "-c", "cat; echo done"}, "completed", `{"items":1}`},
		"outputs may be closed before the end":        {[]string{"sh", "-c", "echo a; exec >&- 2>&-; sleep 0.5; exit 3"}, "failed", `{"error":"exit status 3"}`},
		"the last error goes before what follows":     {[]string{"sh", "-c", "echo 'ValueError: no price' >&2; seq -f 'INFO: %.0f' 1 100 >&2; exit 1"}, "failed", `{"error":"exit status 1: ValueError: no price"}`},
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

// A progress bar's line is progress when its CR comes: it may stay the last for long.
func TestCarriageReturnsEndLinesOfProgress(t *testing.T) {
	base, _ := serve(t, commandConfig("sh", "-c", `printf '10%%\r'; sleep 1000`))
	resp, _ := post(t, base+"/scrapes/job", Order{RunID: "r1"})
	if data := await(t, resp, "progress"); data != `{"line":"10%","lines":1}` {
		t.Errorf("progress %s", data)
	}
}

func TestTheLogSaysHowItemsWereCounted(t *testing.T) {
	for name, tt := range map[string]struct{ print, says, says2 string }{
		"a line gave them":      {`{"items":42}\n`, "", ""},
		"no line gave them":     {`a\nb\n`, `level=INFO msg="counting lines as items: no line is JSON with a whole number of items"`, "lines=2"},
		"a line gave a half":    {`{"items":1}\n{"items":0.5}\n`, "", ""},
		"only a half was given": {`a\n{"items":0.5}\n`, "level=WARN", `line="{\"items\":0.5}"`},
		"nothing was printed":   {``, "level=INFO msg=\"counting lines", "lines=0"},
	} {
		t.Run(name, func(t *testing.T) {
			var log logged
			cfg := commandConfig("printf", tt.print)
			cfg.Listen, cfg.Beat = "127.0.0.1:0", DefaultConfig().Beat
			w, err := New(cfg, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			ln, err := w.Listen(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			base, stop := serveOn(t, w, ln)
			resp, _ := post(t, base+"/scrapes/job", Order{RunID: "r1"})
			outcome(t, resp)
			stop()
			if text := log.String(); !strings.Contains(text, tt.says) || !strings.Contains(text, tt.says2) || strings.Contains(text, "counting lines") != (tt.says != "") {
				t.Errorf("logged %s", text)
			}
		})
	}
}

// logged is a log that several goroutines write.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
