package notify

import (
	"os"
	"testing"

	"scrapelog/eventstore/eventstoretest"
)

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }
