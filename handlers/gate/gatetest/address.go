package gatetest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
)

// nextPort begins at random, so that two runs of the tests differ. The ports are below
// those from which Linux takes the near ends of connections and those of port 0: one that
// was free a moment ago is not given to another test or to a connection.
var nextPort atomic.Int32

func init() { nextPort.Store(10_000 + rand.Int32N(15_000)) }

// FreeAddress returns a loopback address at which no program listens.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", nextPort.Add(1)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}
