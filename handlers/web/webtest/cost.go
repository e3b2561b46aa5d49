package webtest

import (
	"runtime"
	"syscall"
	"time"
)

// What one request of at most 1 MiB may cost and a page may have, for any content of the
// request and of the log.
const (
	BudgetCPU    = 50 * time.Millisecond * slower
	BudgetMemory = (16 << 20) * slower
	BudgetPage   = 300_000 // bytes
)

// Cost is what an answer took of this process: processor time, and bytes allocated.
func Cost(do func()) (cpu time.Duration, bytes uint64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := processorTime()
	do()
	cpu = processorTime() - began
	runtime.ReadMemStats(&after)
	return cpu, after.TotalAlloc - before.TotalAlloc
}

// Within reports whether an answer keeps its budget in one of a few tries, and what the
// cheapest took: other processes and the collector run beside it.
func Within(do func()) (cpu time.Duration, bytes uint64, within bool) {
	for try := range 5 {
		c, b := Cost(do)
		if try == 0 || c < cpu {
			cpu = c
		}
		if try == 0 || b < bytes {
			bytes = b
		}
		if cpu <= BudgetCPU && bytes <= BudgetMemory {
			return cpu, bytes, true
		}
	}
	return cpu, bytes, false
}

func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
