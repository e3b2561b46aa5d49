package heartbeat

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"scrapelog/domain"
)

// beats counts the requests of a client.
type beats struct{ n atomic.Int64 }

func (b *beats) RoundTrip(*http.Request) (*http.Response, error) {
	b.n.Add(1)
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(""))}, nil
}

func TestTheHeartBeatsWhileTheInstanceIsReady(t *testing.T) {
	t.Setenv("HEARTBEAT_URL", "https://watcher.example/ping")
	synctest.Test(t, func(t *testing.T) {
		var wrong atomic.Bool
		wrong.Store(true)
		client := &beats{}
		heart := &Heart{
			Config: Config{URLEnv: "HEARTBEAT_URL", Interval: domain.Duration(time.Minute)}, Client: &http.Client{Transport: client}, Logger: slog.New(slog.DiscardHandler),
			Ready: func(context.Context) []string {
				if wrong.Load() {
					return []string{"the database does not answer"}
				}
				return nil
			},
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- heart.Run(ctx) }()
		after := func(d time.Duration, want int64) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := client.n.Load(); got != want {
				t.Errorf("%d beats, want %d", got, want)
			}
		}
		after(10*time.Minute, 0) // not ready
		wrong.Store(false)
		after(2*time.Second, 1)
		after(3*time.Minute, 4)
		wrong.Store(true)
		after(10*time.Minute, 4)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
