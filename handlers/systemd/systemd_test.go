package systemd_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"scrapelog/handlers/systemd"
)

// manager receives what a process tells it.
func manager(t *testing.T) (heard func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return func() string {
		t.Helper()
		message := make([]byte, 4096)
		_ = socket.SetReadDeadline(time.Now().Add(30 * time.Second))
		n, err := socket.Read(message)
		if err != nil {
			t.Fatal(err)
		}
		return string(message[:n])
	}
}

func TestTheManagerIsTold(t *testing.T) {
	heard := manager(t)
	t.Setenv("WATCHDOG_USEC", "30000")
	asked := 0
	notifier := systemd.Notifier{Logger: slog.New(slog.DiscardHandler), Status: func(context.Context) string {
		asked++
		return fmt.Sprintf("%d runs open", asked)
	}}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- notifier.Run(ctx) }()
	for _, want := range []string{"READY=1", "WATCHDOG=1\nSTATUS=1 runs open", "WATCHDOG=1\nSTATUS=2 runs open"} {
		if got := heard(); got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWithoutAManagerNothingIsAsked(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	ctx, stop := context.WithCancel(t.Context())
	stop()
	notifier := systemd.Notifier{Logger: slog.New(slog.DiscardHandler), Status: func(context.Context) string {
		t.Error("the status is asked for")
		return ""
	}}
	if err := notifier.Run(ctx); err != nil {
		t.Error(err)
	}
}
