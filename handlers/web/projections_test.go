package web_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"scrapelog/eventstore/feed"
	"scrapelog/handlers/web/webtest"
)

func TestTheLastErrorOfAProjection(t *testing.T) {
	tests := map[string]struct {
		failed feed.Failure
		says   string
	}{
		"none": {feed.Failure{}, "Last error"},
		"one that it got over": {
			feed.Failure{At: webtest.Now.Add(-time.Hour), Position: 101, Times: 4, Reason: errors.ErrUnsupported.Error()},
			errors.ErrUnsupported.Error() + " At event 101, 4 times in a row. It has continued since.",
		},
		"one that it has not": {
			feed.Failure{At: webtest.Now, Position: webtest.Head + 1, Times: 1, Reason: "no such column"},
			"no such column At event " + beyond + ". Retrying.",
		},
		"a database that was away": {feed.Failure{At: webtest.Now, Times: 2, Reason: "connection refused"}, "connection refused Reading the log failed, 2 times in a row."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := webtest.New()
			s.Failed = test.failed
			says(t, serve(s), "/projections", test.says)
		})
	}
}

var beyond = strconv.FormatInt(webtest.Head+1, 10)
