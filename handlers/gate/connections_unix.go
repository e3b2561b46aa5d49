//go:build unix

package gate

import "golang.org/x/sys/unix"

// descriptors is the limit of open descriptors, which Go has raised to the hard one.
func descriptors() uint64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 1024 // what most systems begin with
	}
	return uint64(limit.Cur) //nolint:unconvert // signed on some systems
}
