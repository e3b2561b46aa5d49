package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestOneScraperIsOverdueForBothServers has two processes tick on one database: each
// count of a scraper leads to one scraper.overdue.
func TestOneScraperIsOverdueForBothServers(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, "shop")
	const scrapers, counts = 20, 2
	config := fmt.Sprintf(`{"url":%q,"expect":{"success_within":"500ms"}}`, c.scraper.URL+"/late")
	for i := range scrapers {
		path := fmt.Sprintf("/api/v1/scrapers/late-%02d", i)
		if code := c.members[i%2].do("PUT", path, config, nil); code >= 300 {
			t.Fatalf("PUT %s: %d", path, code)
		}
	}
	await(t, 30*time.Second, "every scraper is overdue", func() bool { return len(c.overdue()) >= scrapers })
	for i := range scrapers { // a pause and its end begin another count
		path := fmt.Sprintf("/api/v1/scrapers/late-%02d/", i)
		c.members[i%2].do("POST", path+"pause", `{"reason":"rest"}`, nil)
		if code := c.members[(i+1)%2].do("POST", path+"resume", `{"reason":"go on"}`, nil); code != 200 {
			t.Fatalf("resume: %d", code)
		}
	}
	await(t, 30*time.Second, "every scraper is overdue again", func() bool { return len(c.overdue()) >= counts*scrapers })
	for _, m := range c.members {
		if code := m.process.stop(t); code != 0 {
			t.Errorf("exit %d", code)
		}
	}
	out, errs, code := command(t, "events", "list", "--db", c.database, "--type", "scraper.overdue", "-o", "ndjson", "--jq", ".data.scraper")
	reports := map[string]int{}
	for name := range strings.FieldsSeq(out) {
		reports[name]++
	}
	for name, n := range reports {
		if n != counts {
			t.Errorf("%s was reported %d times", name, n)
		}
	}
	if code != 0 || len(reports) != scrapers {
		t.Errorf("exit %d, %s: %d scrapers were reported", code, errs, len(reports))
	}
}

func (c *cluster) overdue() (reports []event) {
	for _, e := range c.members[0].events() {
		if e.Type == "scraper.overdue" {
			reports = append(reports, e)
		}
	}
	return reports
}
