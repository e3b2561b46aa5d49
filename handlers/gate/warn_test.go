package gate

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestOthersAreWarnedOf: an address that other machines reach is warned of at the
// start and each hour, one of this machine never.
func TestOthersAreWarnedOf(t *testing.T) {
	for address, want := range map[string]int{"0.0.0.0:8080": 4, "[::]:8080": 4, "192.0.2.7:80": 4, "127.0.0.1:8080": 0, "localhost:8080": 0} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			logger := slog.New(slog.NewTextHandler(&out, nil))
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour+time.Minute)
			defer cancel()
			WarnOfReach(ctx, logger, address, "other machines may start scrapes here")
			if got := strings.Count(out.String(), `level=WARN msg="other machines may start scrapes here" listen=`+address); got != want {
				t.Errorf("%s: %d warnings, want %d:\n%s", address, got, want, out.String())
			}
		})
	}
}
