package worker

import (
	"strings"
	"testing"
)

// Each is what a real program prints, shortened.
func TestTheLastErrorIsWhatACommandSaid(t *testing.T) {
	tests := map[string]struct{ printed, want string }{
		"a traceback": {`Traceback (most recent call last):
  File "scrape.py", line 3, in <module>
    raise ValueError("no price")
ValueError: no price
`, "ValueError: no price"},
		"a traceback within a traceback": {`Traceback (most recent call last):
  File "scrape.py", line 3, in <module>
KeyError: 'price'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "scrape.py", line 5, in <module>
ShopGone: closed for ever
`, "ShopGone: closed for ever"},
		"a traceback before the statistics of Scrapy": {`2026-11-28 03:16:10 [scrapy.core.engine] INFO: Spider opened
2026-11-28 03:16:11 [scrapy.core.scraper] ERROR: Spider error processing <GET http://shop.example/> (referer: None)
Traceback (most recent call last):
  File "/usr/lib/python3/dist-packages/scrapy/utils/defer.py", line 132, in iter_errback
    yield next(it)
  File "spider.py", line 19, in parse
    raise ValueError("no price")
ValueError: no price
2026-11-28 03:16:11 [scrapy.core.engine] INFO: Closing spider (finished)
2026-11-28 03:16:11 [scrapy.statscollectors] INFO: Dumping Scrapy stats:
{'downloader/request_bytes': 1234,
 'log_count/ERROR': 1,
 'spider_exceptions/ValueError': 1,
` + strings.Repeat(" 'downloader/response_count': 200,\n", 30) + ` 'start_time': datetime.datetime(2026, 11, 28, 3, 16, 10)}
2026-11-28 03:16:11 [scrapy.core.engine] INFO: Spider closed (finished)
`, "2026-11-28 03:16:11 [scrapy.core.scraper] ERROR: Spider error processing <GET http://shop.example/> (referer: None)\nValueError: no price"},
		"an exception of Node": {`file:///scrape.mjs:3
throw new Error("no price");
      ^

Error: no price
    at file:///scrape.mjs:3:7
    at ModuleJob.run (node:internal/modules/esm/module_job:222:25)

Node.js v18.19.0
`, "Error: no price\nNode.js v18.19.0"},
		"a panic of Go":      {"2026/11/28 starting\npanic: no price\n\ngoroutine 1 [running]:\nmain.main()\n\t/scrape.go:4 +0x1d\nexit status 2\n", "panic: no price\ngoroutine 1 [running]:\nmain.main()\nexit status 2"},
		"a panic of Rust":    {"thread 'main' panicked at src/main.rs:2:5:\nno price\nnote: run with `RUST_BACKTRACE=1`\n", "thread 'main' panicked at src/main.rs:2:5:\nno price\nnote: run with `RUST_BACKTRACE=1`"},
		"a cause in Java":    {"Exception in thread \"main\" java.lang.RuntimeException: x\n\tat Main.main(Main.java:3)\nCaused by: java.io.IOException: no price\n\tat Main.get(Main.java:9)\n\t... 1 more\n", "Caused by: java.io.IOException: no price"},
		"curl":               {"curl: (22) The requested URL returned error: 404\n", "curl: (22) The requested URL returned error: 404"},
		"npm":                {"npm ERR! code ENOENT\nnpm ERR! no price\n", "npm ERR! no price"},
		"git":                {"fatal: not a git repository\n", "fatal: not a git repository"},
		"a structured log":   {"level=error msg=\"no price\"\nlevel=info msg=\"shutting down\"\n", "level=error msg=\"no price\""},
		"a log in JSON":      {"{\"level\":\"error\",\"msg\":\"no price\"}\n{\"level\":\"info\",\"msg\":\"bye\"}\n", "{\"level\":\"error\",\"msg\":\"no price\"}"},
		"a coloured level":   {"\x1b[31mERROR\x1b[0m no price\n\x1b[32mINFO\x1b[0m bye\n", "ERROR no price"},
		"an interrupt":       {"Traceback (most recent call last):\n  File \"a\", line 1\nKeyboardInterrupt\n", "KeyboardInterrupt"},
		"the last of two":    {"ERROR: first\nERROR: second\n", "ERROR: second"},
		"what explains it":   {"ERROR: cannot store:\ndisk is full\n", "ERROR: cannot store:\ndisk is full"},
		"no error by name":   {"one\ntwo: no such file\n", "one\ntwo: no such file"},
		"errors are counted": {"done\n 'log_count/ERROR': 0,\n'log_count/ERROR': 0,\n0 errors\n", "done\n 'log_count/ERROR': 0,\n'log_count/ERROR': 0,\n0 errors"},
		"a warning only":     {"WARNING: slow\nbye\n", "WARNING: slow\nbye"},
		"nothing":            {"", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var w lastWords
			eachLine(strings.NewReader(tt.printed), w.add)
			if got := w.String(); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestLastWordsStayShort(t *testing.T) {
	var w lastWords
	for range 1000 {
		eachLine(strings.NewReader("ERROR: "+strings.Repeat("x", 10000)+"\n"+strings.Repeat("y\n", 1000)), w.add)
	}
	if got := w.String(); len(got) > tailBytes || !strings.HasPrefix(got, "ERROR: x") {
		t.Errorf("%d bytes: %.20s", len(got), got)
	}
}

func BenchmarkLastWords(b *testing.B) {
	lines := [][]byte{[]byte("2026-11-28 03:16:10 [scrapy.core.engine] INFO: Crawled (200) <GET http://shop.example/>"), []byte("plain words that say nothing of importance at all")}
	var w lastWords
	for i := 0; b.Loop(); i++ {
		w.add(lines[i%2])
	}
}
