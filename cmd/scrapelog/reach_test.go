package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestOtherMachinesAreLetInOnPurposeAlone(t *testing.T) {
	for address, refused := range map[string]bool{
		"127.0.0.1:8080": false, "127.0.0.9:0": false, "[::1]:8080": false, "localhost:8080": false,
		":8080": true, "0.0.0.0:8080": true, "[::]:8080": true, "192.0.2.7:80": true, "scrapelog.example:80": true,
	} {
		if err := checkReach(address, false); (err != nil) != refused {
			t.Errorf("%s: %v", address, err)
		}
		if err := checkReach(address, true); err != nil {
			t.Errorf("%s, on purpose: %v", address, err)
		}
	}
}

// TestOthersAreWarnedOf: an address that other machines reach is warned of at the
// start and each hour, one of this machine never.
func TestOthersAreWarnedOf(t *testing.T) {
	for address, want := range map[string]int{"0.0.0.0:8080": 4, "[::]:8080": 4, "192.0.2.7:80": 4, "127.0.0.1:8080": 0, "localhost:8080": 0} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			logger, err := newLogger(&out, "text", "info", false)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour+time.Minute)
			defer cancel()
			warnOfReach(ctx, logger, address, "other machines may start scrapes here")
			if got := strings.Count(out.String(), "WRN other machines may start scrapes here listen="+address); got != want {
				t.Errorf("%s: %d warnings, want %d:\n%s", address, got, want, out.String())
			}
		})
	}
}
