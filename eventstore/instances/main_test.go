package instances_test

import (
	"os"
	"testing"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/instances"
)

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }

var (
	started    = eventstoretest.Started
	appendOf   = eventstoretest.AppendOf
	mustAppend = eventstoretest.MustAppend[*instances.Registry]
	write      = eventstoretest.Write[*instances.Registry]
	await      = eventstoretest.Await
)
