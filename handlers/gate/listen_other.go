//go:build !linux

package gate

import "syscall"

// limitUnacknowledged has nothing to set here; TCP keepalives notice, later.
func limitUnacknowledged(_, _ string, _ syscall.RawConn) error { return nil }
