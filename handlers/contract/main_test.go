package contract

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets all scrapers run at a time: they wait, and need no CPU.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "64"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
