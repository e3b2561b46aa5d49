package main_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// measured is a process as the kernel sees it.
type measured struct {
	tb  testing.TB
	pid int
}

// memory is its resident memory in bytes.
func (m measured) memory() int64 {
	m.tb.Helper()
	for line := range bytes.Lines(m.proc("status")) {
		if value, ok := bytes.CutPrefix(line, []byte("VmRSS:")); ok {
			kib, err := strconv.ParseInt(string(bytes.Fields(value)[0]), 10, 64)
			if err != nil {
				m.tb.Fatal(err)
			}
			return kib * 1024
		}
	}
	m.tb.Fatal("no VmRSS")
	return 0
}

// cpu is the processor time that it has used; the kernel counts it in
// hundredths of a second.
func (m measured) cpu() time.Duration {
	m.tb.Helper()
	stat := string(m.proc("stat"))
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		m.tb.Fatal(err)
	}
	system, err := strconv.Atoi(fields[12])
	if err != nil {
		m.tb.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// descriptors is how many files and sockets it has open.
func (m measured) descriptors() int {
	m.tb.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", m.pid))
	if err != nil {
		m.tb.Fatal(err)
	}
	return len(entries)
}

func (m measured) proc(file string) []byte {
	m.tb.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", m.pid, file))
	if err != nil {
		m.tb.Fatal(err)
	}
	return data
}

// metric is a figure of /metrics, once that is there: a read model may follow later.
func (a api) metric(name string) (figure float64) {
	a.t.Helper()
	await(a.t, 30*time.Second, name+" is in /metrics", func() bool {
		for line := range strings.Lines(a.text("/metrics")) {
			if value, ok := strings.CutPrefix(line, name+" "); ok {
				var err error
				if figure, err = strconv.ParseFloat(strings.TrimSpace(value), 64); err != nil {
					a.t.Fatal(err)
				}
				return true
			}
		}
		return false
	})
	return figure
}

func (a api) head() int64 { return int64(a.metric("scrapelog_log_head_position")) }

func (a api) text(path string) string {
	a.t.Helper()
	res, err := http.Get(a.base + path)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(data)
}
