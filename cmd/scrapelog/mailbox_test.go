package main_test

import (
	"bufio"
	"fmt"
	"mime"
	"net"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"scrapelog/handlers/gate/gatetest"
)

// mailbox is a mail server (RFC 5321) that keeps what it takes, and can be down.
type mailbox struct {
	addr string

	mu       sync.Mutex
	listener net.Listener
	took     []letter
}

// letter is a mail with the time of its arrival.
type letter struct {
	at            time.Time
	subject, text string
}

func newMailbox(t testing.TB) *mailbox {
	t.Helper()
	m := &mailbox{addr: gatetest.FreeAddress(t)}
	m.comeBack(t)
	t.Cleanup(m.goDown)
	return m
}

func (m *mailbox) goDown() {
	m.mu.Lock()
	defer m.mu.Unlock()
	_ = m.listener.Close()
}

func (m *mailbox) comeBack(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("tcp", m.addr)
	if err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	m.listener = listener
	m.mu.Unlock()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go m.talk(t, conn)
		}
	}()
}

func (m *mailbox) talk(t testing.TB, conn net.Conn) {
	defer conn.Close()
	say := func(line string) { _, _ = fmt.Fprint(conn, line+"\r\n") }
	lines := textproto.NewReader(bufio.NewReader(conn))
	say("220 mail.example ESMTP")
	for {
		line, err := lines.ReadLine()
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(line, " "); strings.ToUpper(verb) {
		case "DATA":
			say("354 go on")
			data, err := lines.ReadDotBytes()
			if err != nil {
				return
			}
			if err := m.keep(string(data)); err != nil {
				t.Errorf("%v: %q", err, data)
			}
			say("250 queued")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (m *mailbox) keep(data string) error {
	message, err := mail.ReadMessage(strings.NewReader(data))
	if err != nil {
		return err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.took = append(m.took, letter{time.Now(), subject, data})
	return nil
}

func (m *mailbox) mails() []letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.took)
}

func (m *mailbox) await(t testing.TB, n int) {
	t.Helper()
	await(t, 30*time.Second, fmt.Sprintf("%d mails", n), func() bool { return len(m.mails()) >= n })
}
