package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"scrapelog/eventstore"
)

// figure is a rate and what one event of it costs.
type figure struct {
	perSecond float64
	here      time.Duration // CPU time of this process
	server    time.Duration // of PostgreSQL, all of its processes
}

// meter measures what happens from its making on.
type meter struct {
	begun        time.Time
	here, server time.Duration
}

func (b *bench) meter(d eventstore.Dialect) meter {
	server := b.serverTime(d) // takes a while, which is not to count
	return meter{time.Now(), cpuTime(), server}
}

// read is the figure of so many events since the meter was made.
func (m meter) read(b *bench, d eventstore.Dialect, events float64) figure {
	took := time.Since(m.begun)
	if events == 0 {
		return figure{}
	}
	each := func(total time.Duration) time.Duration { return time.Duration(float64(total) / events) }
	return figure{events / took.Seconds(), each(cpuTime() - m.here), each(b.serverTime(d) - m.server)}
}

// middle is the figure with the median rate.
func middle(all []figure) figure {
	slices.SortFunc(all, func(a, b figure) int { return cmp.Compare(a.perSecond, b.perSecond) })
	return all[len(all)/2]
}

// spent says where the time of an event goes.
func (f figure) spent() string {
	s := fmt.Sprintf("%.1f µs of CPU", micros(f.here))
	if f.server > 0 {
		s = fmt.Sprintf("%.1f µs of CPU here and %.1f in the server", micros(f.here), micros(f.server))
	}
	return fmt.Sprintf("%s, %.1f µs in all", s, 1e6/f.perSecond)
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// serverTime is the CPU time of the server's processes, those that have ended
// among them.
func (b *bench) serverTime(d eventstore.Dialect) (total time.Duration) {
	if d != eventstore.Postgres || b.cluster == nil {
		return 0
	}
	parents, times := processes()
	for pid := range parents {
		for at := pid; at > 1; at = parents[at] {
			if parents[at] == os.Getpid() {
				total += times[pid]
				break
			}
		}
	}
	return total
}

// processes are the parents and the CPU times of all processes.
func processes() (parents map[int]int, times map[int]time.Duration) {
	const tick = 10 * time.Millisecond // USER_HZ is 100 wherever Go runs
	parents, times = map[int]int{}, map[int]time.Duration{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:])) // a name may hold spaces
		parents[pid], _ = strconv.Atoi(fields[1])
		for _, field := range fields[11:15] { // utime, stime and those of children that have ended
			ticks, _ := strconv.Atoi(field)
			times[pid] += time.Duration(ticks) * tick
		}
	}
	return parents, times
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// syncTime is the median of what it takes to have 4 KB more of a file on disk.
func syncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, "sync-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var took []time.Duration
	for range 50 {
		begun := time.Now()
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(begun))
	}
	return median(took), nil
}
