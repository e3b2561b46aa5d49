//go:build unix

package worker

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jimsmart/grobotstxt"
)

// TestRulesMatchAsInTheLibrary compares with the library's own function, which is
// slow on purpose-made files.
func TestRulesMatchAsInTheLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func(letters string, most int) string {
		b := make([]byte, random.IntN(most+1))
		for i := range b {
			b[i] = letters[random.IntN(len(letters))]
		}
		return string(b)
	}
	matched := 0
	for range 200_000 {
		path, pattern := "/"+text("ab/$", 12), text("ab/$**", 8)
		if random.IntN(2) == 0 {
			pattern = "/" + pattern
		}
		want := grobotstxt.Matches(path, pattern)
		if got := matches(path, pattern); got != want {
			t.Fatalf("path %q, pattern %q: %t, and %t in the library", path, pattern, got, want)
		}
		if want {
			matched++
		}
	}
	if matched < 1000 {
		t.Errorf("only %d of the patterns match", matched)
	}
}

// TestRobotsCostNoMoreThanItsBudget: files of 512 KiB that are made to be slow, for
// the longest URL. The library's own strategy takes seconds for the first.
func TestRobotsCostNoMoreThanItsBudget(t *testing.T) {
	const budget = 500 * time.Millisecond // measured: 3 to 46 ms; the race detector and a busy machine take their share
	at := "http://site.example/" + strings.Repeat("a", maxURL-100)
	for name, rule := range map[string]func(i int) string{
		"a pattern of wildcards":   func(int) string { return "Disallow: /" + strings.Repeat("*a", 8000) + "b\n" },
		"many short patterns":      func(int) string { return "Disallow:*b\n" },
		"many different patterns":  func(i int) string { return fmt.Sprintf("Disallow:*b%d\n", i) },
		"patterns that nearly fit": func(i int) string { return fmt.Sprintf("Disallow: /*%sb%d\n", strings.Repeat("a", i%60), i) },
		"patterns of 100 letters":  func(int) string { return "Disallow: /*" + strings.Repeat("a", 100) + "b\n" },
		"patterns with an end":     func(int) string { return "Disallow:*a*b$\n" },
		"allow index.html":         func(int) string { return "Allow:*b/index.html\n" },
	} {
		t.Run(name, func(t *testing.T) {
			var file strings.Builder
			file.WriteString("User-agent: *\n")
			for i := 0; file.Len() < maxRobots-17_000; i++ {
				file.WriteString(rule(i))
			}
			r := &robots{known: map[string]string{originOf(at): file.String()}}
			least := time.Hour
			for range 3 { // the least is the cost; the rest is the machine
				began := cpu(t)
				if err := r.allow(t.Context(), at); err != nil {
					t.Fatal(err)
				}
				least = min(least, cpu(t)-began)
			}
			t.Log(least)
			if least > budget {
				t.Errorf("%s of CPU for a page", least)
			}
		})
	}
}

// cpu is what this process has used.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
