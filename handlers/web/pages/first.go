package pages

import (
	"strings"

	"scrapelog/docs"
)

// DefaultServer is the address in docs/examples.
const DefaultServer = "http://127.0.0.1:8080"

// kindOfScraper is a way to write a scraper, with the files of docs/examples to begin with.
type kindOfScraper struct {
	id, name string
	files    []string // in docs/examples
	start    string   // the command that starts them
	path     string   // where the scraper is then, below its origin
}

var kindsOfScrapers = []kindOfScraper{
	{"command", "Command", []string{"one-liner.yaml"}, "scrapelog worker --config one-liner.yaml", "/scrapes/products"},
	{"python", "Python", []string{"scraper.py"}, "python3 scraper.py 9090 http://shop.example/", "/"},
	{"node", "Node", []string{"scraper.mjs"}, "node scraper.mjs 9090 http://shop.example/", "/"},
	{"go", "Go", []string{"go/main.go"}, "go run main.go 127.0.0.1:9090 http://shop.example/", "/"},
	{"scrapy", "Scrapy", []string{"scrapy/spider.py", "scrapy/worker.yaml"}, "scrapelog worker --config worker.yaml", "/scrapes/products"},
}

// base is the name under which a file is saved.
func base(file string) string { return file[strings.LastIndexByte(file, '/')+1:] }

// addTo is the command that tells a server about the scraper.
func (k kindOfScraper) addTo(server string) string {
	return strings.NewReplacer(DefaultServer, server, "http://127.0.0.1:9090/", "http://127.0.0.1:9090"+k.path).Replace(docs.Example("add.sh"))
}
