package dial

import (
	"errors"
	"net"
	"slices"
	"strings"
	"syscall"
)

// exhaustion holds what the kernel returns when this process or machine has no
// descriptor, memory or buffer left.
var exhaustion = []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS}

// Exhausted reports whether a connection failed because this process or machine has
// no descriptor or memory left. That is not the peer's fault.
func Exhausted(err error) bool {
	var dns *net.DNSError
	return slices.ContainsFunc(exhaustion, func(errno syscall.Errno) bool {
		return errors.Is(err, errno) ||
			errors.As(err, &dns) && strings.Contains(dns.Err, errno.Error()) // the resolver keeps only the text
	})
}
