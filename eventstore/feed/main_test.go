package feed_test

import (
	"os"
	"testing"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
)

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }

const patience = eventstoretest.Patience

var (
	started    = eventstoretest.Started
	completed  = eventstoretest.Completed
	appendOf   = eventstoretest.AppendOf
	mustAppend = eventstoretest.MustAppend[*feed.Feed]
	await      = eventstoretest.Await
)
