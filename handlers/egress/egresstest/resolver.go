package egresstest

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// Resolver serves names on a port of this machine for as long as the test runs.
// Each question for the addresses of a name takes the next of its answers, and the
// last one again.
func Resolver(t *testing.T, names map[string][][]string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	t.Cleanup(func() { net.DefaultResolver = before; _ = conn.Close() })
	go serveNames(conn, names)
}

func serveNames(conn net.PacketConn, names map[string][][]string) {
	asked := map[dnsmessage.Question]int{}
	buffer := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buffer[:n]) != nil {
			continue
		}
		m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
		question := m.Questions[0]
		answers, known := names[question.Name.String()]
		if !known {
			m.RCode = dnsmessage.RCodeNameError
		} else {
			m.Answers = addressesOf(question, answers[min(asked[question], len(answers)-1)])
			asked[question]++
		}
		if packed, err := m.Pack(); err == nil {
			_, _ = conn.WriteTo(packed, from)
		}
	}
}

func addressesOf(question dnsmessage.Question, texts []string) (answers []dnsmessage.Resource) {
	header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class}
	for _, text := range texts {
		addr := netip.MustParseAddr(text)
		switch {
		case addr.Is4() && question.Type == dnsmessage.TypeA:
			answers = append(answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: addr.As4()}})
		case addr.Is6() && question.Type == dnsmessage.TypeAAAA:
			answers = append(answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
		}
	}
	return answers
}
