package dial

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// exchanged sends an order to a peer that plays what it is given.
func exchanged(t *testing.T, ctx context.Context, order Order, peer func(net.Conn)) (*http.Response, error) {
	t.Helper()
	return exchangedWith(t, ctx, order, peer, func(func() bool) {})
}

// exchangedWith also takes what is called when the connection is open.
func exchangedWith(t *testing.T, ctx context.Context, order Order, peer func(net.Conn), connected func(func() bool)) (*http.Response, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		peer(conn)
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	cfg := config("http://" + l.Addr().String() + "/scrapes/shop")
	order.RunID = uuid.New()
	req, err := order.Request(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	times := 0
	resp, err := Exchange(req, cfg, func(waiting func() bool) { times++; connected(waiting) })
	if times != 1 {
		t.Errorf("connected %d times", times)
	}
	return resp, err
}

// saying reads the request and answers.
func saying(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		req, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		_, _ = io.WriteString(conn, answer)
		_, _ = io.Copy(io.Discard, conn) // until the client leaves
	}
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"

func TestExchangePassesInterimAnswersOver(t *testing.T) {
	const hint = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
	for n, good := range map[int]bool{0: true, 1: true, 5: true, maxHeader / len(hint) / 2: true, 2 * maxHeader / len(hint): false} {
		resp, err := exchanged(t, t.Context(), Order{}, saying(strings.Repeat(hint, n)+ok+"hello"))
		if (err == nil) != good {
			t.Fatalf("%d interim answers: %v", n, err)
		}
		if !good {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		if string(body) != "hello" || err != nil || resp.StatusCode != 200 {
			t.Errorf("%d interim answers: %q, %v", n, body, err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	resp, err := exchanged(t, t.Context(), Order{}, saying("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"))
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("101 is an answer: %v", err)
	}
	_ = resp.Body.Close()
}

// A peer may refuse a request that it has not read, and then close the connection,
// which resets it: sending fails then.
func TestExchangeHearsAnEarlyAnswer(t *testing.T) {
	large := Order{Params: []byte(`"` + strings.Repeat("x", 2<<20) + `"`)}
	for name, then := range map[string]func(net.Conn){
		"the rest is read":     func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) },
		"the rest is not read": func(conn net.Conn) {},
	} {
		for range 20 {
			resp, err := exchanged(t, t.Context(), large, func(conn net.Conn) {
				_, _ = io.ReadFull(conn, make([]byte, 100))
				_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
				then(conn)
			})
			if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
				t.Fatalf("%s: %v", name, err)
			}
			_ = resp.Body.Close()
		}
	}
}

// An answer that comes before the request is sent is heard; net/http's transport logs
// and drops it.
func TestExchangeHearsAnAnswerThatCameFirst(t *testing.T) {
	var logged bytes.Buffer
	log.SetOutput(&logged)
	defer log.SetOutput(os.Stderr)
	arrived := func(waiting func() bool) {
		for deadline := time.Now().Add(30 * time.Second); !waiting() && time.Now().Before(deadline); {
			<-time.After(time.Millisecond)
		}
	}
	for range 500 {
		resp, err := exchangedWith(t, t.Context(), Order{}, func(conn net.Conn) {
			_, _ = io.WriteString(conn, ok+"hello")
			saying("")(conn)
		}, arrived)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); string(body) != "hello" || err != nil {
			t.Fatalf("%q, %v", body, err)
		}
		_ = resp.Body.Close()
	}
	if logged.Len() > 0 {
		t.Errorf("logged %s", &logged)
	}
}

// Only the header is limited: a body may be longer.
func TestExchangeBoundsTheHeader(t *testing.T) {
	field := func(size int) string { return "X-Large: " + strings.Repeat("x", size) + "\r\n" }
	long := strings.Repeat("y", 3*maxHeader)
	for size, good := range map[int]bool{maxHeader / 2: true, maxHeader: false} {
		answer := "HTTP/1.1 200 OK\r\nConnection: close\r\n" + field(size) + "\r\n" + long
		resp, err := exchanged(t, t.Context(), Order{}, saying(answer))
		if (err == nil) != good {
			t.Fatalf("a header field of %d bytes: %v", size, err)
		}
		if !good {
			continue
		}
		if n, err := io.CopyN(io.Discard, resp.Body, int64(len(long))); err != nil {
			t.Errorf("a body of %d bytes after it: %d, %v", len(long), n, err)
		}
		_ = resp.Body.Close()
	}
}

// The end of the context closes the connection, and so does closing the body.
func TestExchangeEndsItsConnection(t *testing.T) {
	for name, end := range map[string]func(cancel func(), resp *http.Response){
		"context": func(cancel func(), _ *http.Response) { cancel() },
		"close":   func(_ func(), resp *http.Response) { _ = resp.Body.Close() },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan struct{})
		resp, err := exchanged(t, ctx, Order{}, func(conn net.Conn) {
			saying("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")(conn)
			close(left)
		})
		if err != nil {
			t.Fatal(err)
		}
		end(cancel, resp)
		select {
		case <-left:
		case <-time.After(30 * time.Second):
			t.Fatalf("%s: the connection is still there", name)
		}
		if _, err := resp.Body.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s: the body can still be read", name)
		}
		cancel()
	}
}

// What has arrived waits to be read, and so does the connection's end.
func TestExchangeKnowsWhatWaits(t *testing.T) {
	next := make(chan func(net.Conn))
	resp, err := exchanged(t, t.Context(), Order{}, func(conn net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
		for do := range next {
			do(conn)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer close(next)
	body := resp.Body.(interface{ Waiting() bool })
	if body.Waiting() {
		t.Error("nothing was sent, and something waits")
	}
	arrives := func(what string, send func(net.Conn)) {
		next <- send
		for deadline := time.Now().Add(30 * time.Second); !body.Waiting(); <-time.After(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s does not wait to be read", what)
			}
		}
	}
	arrives("a comment", func(conn net.Conn) { _, _ = io.WriteString(conn, ":\n\n") })
	if _, err := io.ReadFull(resp.Body, make([]byte, 3)); err != nil || body.Waiting() {
		t.Errorf("all was read (%v), and something waits", err)
	}
	arrives("the end", func(conn net.Conn) { _ = conn.Close() })
}
