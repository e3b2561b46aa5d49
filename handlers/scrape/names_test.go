package scrape

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// names is a resolver whose server answers as the first word of the name says.
func names() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			_ = answerName(theirs)
		}()
		return ours, nil
	}}
}

var answersToNames = map[string]dnsmessage.RCode{
	"nosuch": dnsmessage.RCodeNameError, "broken": dnsmessage.RCodeServerFailure, "unwilling": dnsmessage.RCodeRefused,
	"empty": dnsmessage.RCodeSuccess,
}

func answerName(conn net.Conn) error {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	question := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, question); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return err
	}
	word, _, _ := strings.Cut(m.Questions[0].Name.String(), ".")
	switch word {
	case "silent":
		_, err := io.Copy(io.Discard, conn)
		return err
	case "gone":
		return nil
	case "garbled":
		_, err := conn.Write([]byte{0, 3, 'n', 'o', '!'})
		return err
	}
	code, known := answersToNames[word]
	if !known {
		code = dnsmessage.RCodeNotImplemented
	}
	answer := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true, RCode: code}, Questions: m.Questions}
	packed, err := answer.Pack()
	if err != nil {
		return err
	}
	_, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...))
	return err
}
