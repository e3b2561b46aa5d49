package contract

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"

	"scrapelog/handlers/dial"
)

// ErrUnreachable reports that no connection to the scraper could be opened.
var ErrUnreachable = errors.New("the scraper cannot be reached")

// holdBack is how long the check waits with the second half of a body, to see whether
// the scraper answers before it has the whole body.
const holdBack = 500 * time.Millisecond

// exchange is one POST and its answer. It works on the connection itself, because
// net/http's transport cannot send a body in two halves.
type exchange struct {
	run    uuid.UUID
	sent   *http.Request
	conn   net.Conn
	buffer *bufio.Reader
	resp   *http.Response
	unread bool          // the answer came before the body was whole
	took   time.Duration // from the whole body to the header
	joined bool          // the first bytes of the stream came together with the header
	forget func() bool
	*transcript
}

// ask sends an order and waits for the header. An error that is not an ErrUnreachable
// says why no answer came.
func (t Target) ask(ctx context.Context, o dial.Order, hold bool) (*exchange, error) {
	request, err := o.Request(ctx, t.config())
	if err != nil {
		return nil, err
	}
	return t.exchange(ctx, o.RunID, request, hold)
}

// exchange sends a request and waits for the header; see ask.
func (t Target) exchange(ctx context.Context, run uuid.UUID, request *http.Request, hold bool) (*exchange, error) {
	request.Close = true
	conn, err := dial.Open(ctx, request.URL, t.config())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	x := &exchange{run: run, sent: request, conn: conn, buffer: bufio.NewReader(conn)}
	x.forget = context.AfterFunc(ctx, func() { _ = conn.Close() })
	if err := x.send(request, hold); err != nil {
		x.leave()
		return nil, err
	}
	if err := x.receive(request, t.config().StartTimeout.Std()); err != nil {
		x.leave()
		return nil, err
	}
	return x, nil
}

// leave closes the connection, as a client that leaves does.
func (x *exchange) leave() {
	x.forget()
	_ = x.conn.Close()
}

func (x *exchange) send(request *http.Request, hold bool) error {
	var message bytes.Buffer
	if err := request.Write(&message); err != nil {
		return err
	}
	first, rest := message.Bytes(), []byte(nil)
	if hold {
		cut := message.Len() - int(request.ContentLength)/2
		first, rest = first[:cut], first[cut:]
	}
	if _, err := x.conn.Write(first); err != nil {
		return err
	}
	if hold {
		_ = x.conn.SetReadDeadline(time.Now().Add(holdBack))
		_, err := x.buffer.Peek(1)
		x.unread = err == nil
	}
	_, err := x.conn.Write(rest)
	return err
}

func (x *exchange) receive(request *http.Request, patience time.Duration) (err error) {
	asked := time.Now()
	_ = x.conn.SetReadDeadline(asked.Add(patience))
	for { // skip interim answers
		if x.resp, err = http.ReadResponse(x.buffer, request); err != nil {
			return noAnswer(err, patience)
		}
		if x.resp.StatusCode >= 200 {
			break
		}
	}
	now := time.Now()
	x.took, x.joined = now.Sub(asked), x.buffer.Buffered() > 0
	x.transcript = newTranscript(now, dial.Beat(x.resp.Header))
	return nil
}

func noAnswer(err error, patience time.Duration) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no header within %s", patience)
	}
	return fmt.Errorf("no HTTP answer: %w", err)
}
