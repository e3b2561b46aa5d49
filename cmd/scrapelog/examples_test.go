package main_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"scrapelog/cmd/scrapelog/demo/shops"
	"scrapelog/handlers/gate/gatetest"
)

// example is a scraper of docs/examples.
type example struct {
	items     int64    // on the pages that it is given
	platforms []string // of its orders; nil: its command line has its pages
	path      string   // of its URL
	command   func(t *testing.T, listen, site string) *exec.Cmd
}

var examples = map[string]example{
	"one-liner": {items: 18, platforms: []string{"alder", "birch", "cedar"}, path: "/scrapes/products", command: worker("one-liner.yaml")},
	"scrapy":    {items: 18, path: "/scrapes/products", command: worker("scrapy/worker.yaml")},
	"shell": {items: 12, path: "/", command: func(t *testing.T, listen, site string) *exec.Cmd {
		host, port, _ := net.SplitHostPort(listen)
		cmd := exec.Command("socat", "TCP-LISTEN:"+port+",bind="+host+",reuseaddr,fork", "EXEC:./scraper.sh")
		cmd.Env = append(withSecret(), "PAGES="+strings.Join(pages(site), " "), "LOCK="+filepath.Join(t.TempDir(), "lock"))
		return cmd
	}},
	"python": {items: 12, path: "/", command: func(_ *testing.T, listen, site string) *exec.Cmd {
		return exec.Command("python3", append([]string{"scraper.py", port(listen)}, pages(site)...)...)
	}},
	"node": {items: 12, path: "/", command: func(_ *testing.T, listen, site string) *exec.Cmd {
		return exec.Command("node", append([]string{"scraper.mjs", port(listen)}, pages(site)...)...)
	}},
	"go": {items: 12, path: "/", command: func(t *testing.T, listen, site string) *exec.Cmd {
		scraper := filepath.Join(t.TempDir(), "scraper")
		build := exec.Command("go", "build", "-o", scraper, ".")
		build.Dir = inExamples("go")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
		return exec.Command(scraper, append([]string{listen}, pages(site)...)...)
	}},
}

// exampleSecret signs the orders to the examples. They know another one beside it.
const exampleSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func withSecret() []string {
	return append(os.Environ(), "SCRAPER_SECRET=whsec_plJ3nmyCDGBKInavdOK15jsl "+exampleSecret)
}

func inExamples(name string) string {
	path, err := filepath.Abs(filepath.Join("../../docs/examples", name))
	if err != nil {
		panic(err)
	}
	return path
}

func pages(site string) []string { return []string{site + "/alder/", site + "/birch/"} }

func port(listen string) string {
	_, port, _ := net.SplitHostPort(listen)
	return port
}

// worker runs the shipped worker with an example's configuration.
func worker(file string) func(*testing.T, string, string) *exec.Cmd {
	return func(t *testing.T, listen, site string) *exec.Cmd {
		config := strings.NewReplacer("# secret_env", "secret_env", "127.0.0.1:9090", listen, "http://shop.example", site, "spider.py", inExamples("scrapy/spider.py")).
			Replace(read(t, inExamples(file)))
		return exec.Command(binary, "worker", "--config", write(t, filepath.Join(t.TempDir(), "worker.yaml"), config))
	}
}

// TestExamples does with every example what its reader will do: check it, run it
// under a server, and lose it in mid-scrape.
func TestExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Scrapy, Node.js, Python and socat; make test runs it")
	}
	t.Parallel()
	var config strings.Builder
	listen, addresses := gatetest.FreeAddress(t), map[string]string{}
	fmt.Fprintf(&config, "listen: %s\nscrapers:\n", listen)
	for name, ex := range examples {
		addresses[name] = gatetest.FreeAddress(t)
		fmt.Fprintf(&config, "  - {name: %s, url: \"http://%s%s\", sign_env: SCRAPER_SECRET, platforms: [%s]}\n", name, addresses[name], ex.path, strings.Join(ex.platforms, ", "))
	}
	setenv(t, "SCRAPER_SECRET", exampleSecret)
	start(t, "serve", "--config", write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), config.String()))
	server := api{t, "http://" + listen}
	server.ready()
	if code := server.do("GET", "/docs/contract", "", nil); code != http.StatusOK {
		t.Errorf("the contract's page answers %d", code)
	}
	t.Run("each", func(t *testing.T) {
		for name, ex := range examples {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				ex.play(t, api{t, "http://" + listen}, name, addresses[name])
			})
		}
	})
}

func (ex example) play(t *testing.T, server api, name, address string) {
	visited := make(chan string, 1000)
	shop := shops.New(shops.Config{Delay: time.Second})
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		visited <- r.URL.Path
		shop.ServeHTTP(w, r)
	}))
	defer site.Close()
	cmd := ex.command(t, address, site.URL)
	kill := ex.start(t, cmd, address)
	if resp, err := http.Head("http://" + address + ex.path); err != nil || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("a cache could answer HEAD for it: %v %v", resp, err)
	}

	setenv(t, "SCRAPER_SECRET", exampleSecret)
	check := []string{"worker", "check", "http://" + address + ex.path, "-o", "json", "--sign-env", "SCRAPER_SECRET", "--platforms", strings.Join(ex.platforms, ",")}
	out, errs, code := command(t, check...)
	for try := 1; try < 10 && code == 0 && strings.Contains(out, "unseen"); try++ {
		out, errs, code = command(t, check...) // a busy machine notices too late that the client left
	}
	if code != 0 || strings.Contains(out, "unseen") {
		t.Fatalf("worker check exits %d: %s%s", code, errs, out)
	}
	ex.completes(server.ended(server.startRun(name).ID, time.Minute), t)

	for len(visited) > 0 {
		<-visited
	}
	lost := server.startRun(name).ID
	<-visited // it scrapes
	kill()
	if run := server.ended(lost, 30*time.Second); run.Status != "connection_failed" || run.Phase != "streaming" {
		t.Fatalf("the cut run ended as %+v", run)
	}
	ex.start(t, &exec.Cmd{Path: cmd.Path, Args: cmd.Args, Env: cmd.Env}, address)
	await(t, 30*time.Second, "a new run recovers the lost one", func() bool { return server.run(lost).RecoveredBy != "" })
	ex.completes(server.ended(server.run(lost).RecoveredBy, time.Minute), t)
}

func (ex example) completes(ended run, t *testing.T) {
	t.Helper()
	if ended.Status != "completed" || ended.Items == nil || *ended.Items != ex.items {
		t.Fatalf("the run ended as %+v, want completed with %d items", ended, ex.items)
	}
}

// start runs an example until kill, or the end of the test, and returns when it
// answers. kill is kill -9, of all that it has started too.
func (ex example) start(t *testing.T, cmd *exec.Cmd, address string) (kill func()) {
	t.Helper()
	printed := &output{}
	cmd.Dir, cmd.Stdout, cmd.Stderr = inExamples(""), printed, printed
	if cmd.Env == nil {
		cmd.Env = withSecret()
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	kill = func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have ended already
		<-ended
	}
	t.Cleanup(func() {
		kill()
		if t.Failed() {
			t.Logf("%v printed:\n%s", cmd.Args, printed)
		}
	})
	await(t, 30*time.Second, cmd.Args[0]+" answers", func() bool {
		resp, err := http.Head("http://" + address + ex.path)
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	})
	return kill
}
