package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"scrapelog/handlers/gate/gatetest"
)

// Scrapy exits with 0 in each of these; the example must not, and what the worker
// tells of it must be the reason.
func TestTheScrapyExampleFailsWhenItsCrawlDid(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Scrapy; make test runs it")
	}
	const list = `<ul><li class="product"><h2><a>one</a></h2><p class="price">1</p></li></ul>`
	tests := map[string]struct {
		robots, page string
		status       int
		interrupted  bool
		kind, says   string
	}{
		"all is well":                {page: list, kind: "completed", says: `{"items":1}`},
		"robots.txt forbids all":     {robots: "User-agent: *\nDisallow: /\n", page: list, kind: "failed", says: "robots.txt forbids every page"},
		"robots.txt forbids another": {robots: "User-agent: *\nDisallow: /other\n", page: list, kind: "completed", says: `{"items":1}`},
		"the spider raises":          {page: list + `<a rel="next" href="http://[bad">next</a>`, kind: "failed", says: "ValueError: "},
		"the page is refused":        {page: list, status: http.StatusForbidden, kind: "failed", says: "a page was refused"},
		"it is interrupted":          {page: list, interrupted: true, kind: "failed", says: "the crawl was cut short: shutdown"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, done := make(chan bool, 100), make(chan bool)
			site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/robots.txt" {
					fmt.Fprint(w, tt.robots)
					return
				}
				asked <- true
				if tt.interrupted {
					<-done
				}
				if tt.status != 0 {
					w.WriteHeader(tt.status)
				}
				fmt.Fprint(w, tt.page)
			}))
			defer site.Close()
			listen := gatetest.FreeAddress(t)
			config := strings.NewReplacer("127.0.0.1:9090", listen, "http://shop.example", site.URL, "spider.py", inExamples("scrapy/spider.py")).
				Replace(read(t, inExamples("scrapy/worker.yaml")))
			worker := start(t, "worker", "--config", write(t, filepath.Join(t.TempDir(), "worker.yaml"), config))
			listens(t, listen)
			said := make(chan string, 1)
			go func() { said <- stream(t, listen, "products") }()
			if tt.interrupted {
				<-asked
				for _, pid := range below(t, worker.Process.Pid) {
					if strings.Contains(read(t, fmt.Sprintf("/proc/%d/cmdline", pid)), "python3\x00") && procName(pid) != "scrape-guard" {
						_ = syscall.Kill(pid, syscall.SIGINT)
					}
				}
				close(done)
			}
			_, last, _ := strings.Cut(<-said, "event: "+tt.kind)
			if !strings.Contains(last, tt.says) || strings.Contains(last, "downloader/") || strings.Contains(last, "Deprecation") {
				t.Errorf("ended with %q", last)
			}
		})
	}
}

// crawl.py takes the place of "scrapy crawl" in a project: with its spiders, pipelines and
// settings, and with an exit status that is true.
func TestACrawlOfAScrapyProjectTellsHowItEnded(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Scrapy; make test runs it")
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<html><body><h2>one</h2></body></html>`)
	}))
	t.Cleanup(site.Close)
	project := t.TempDir()
	if err := os.MkdirAll(filepath.Join(project, "shop/spiders"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"scrapy.cfg":       "[settings]\ndefault = shop.settings\n",
		"shop/__init__.py": "",
		"shop/settings.py": `SPIDER_MODULES = ["shop.spiders"]` + "\n" + `ITEM_PIPELINES = {"shop.pipelines.Price": 1}` + "\n",
		"shop/pipelines.py": `class Price:
    def process_item(self, item, spider):
        return {**item, "price": "1.50"}
`,
		"shop/spiders/__init__.py": "",
		"shop/spiders/products.py": `import scrapy
class Products(scrapy.Spider):
    name = "products"
    def start_requests(self):
        yield scrapy.Request(self.site)
    def parse(self, response):
        yield {"name": response.css("h2::text").get()}
        if hasattr(self, "bad"):
            raise ValueError(self.bad)
`,
	} {
		write(t, filepath.Join(project, name), text)
	}
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"it completes":      {[]string{"products", "site=" + site.URL}, 0, ""},
		"the spider raises": {[]string{"products", "site=" + site.URL, "bad=no price"}, 1, "ValueError: no price"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crawl := exec.Command("/usr/bin/python3", append([]string{inExamples("scrapy/crawl.py")}, tt.args...)...)
			crawl.Dir = project
			var stdout, stderr strings.Builder
			crawl.Stdout, crawl.Stderr = &stdout, &stderr
			_ = crawl.Run() // its exit status is looked at
			if code := crawl.ProcessState.ExitCode(); code != tt.code || !strings.Contains(stderr.String(), tt.says) {
				t.Errorf("exit %d: %s", code, &stderr)
			}
			if stdout.String() != `{"name": "one", "price": "1.50"}`+"\n" {
				t.Errorf("printed %s", &stdout)
			}
		})
	}
}
