package term

import (
	"fmt"
	"time"
)

// Progress returns a function that prints progress on stderr: once a second, and at
// the end. On a terminal each line replaces the one before.
func (p *Printer) Progress(what string) func(done, head int64) {
	const every = time.Second
	last, terminal := time.Now(), isTerminal(p.Notes)
	return func(done, head int64) {
		if done < head && time.Since(last) < every {
			return
		}
		last = time.Now()
		line, end := fmt.Sprintf("%s: %d of %d", what, done, head), "\n"
		if terminal {
			line = "\r" + line + "\x1b[K"
			if done < head {
				end = ""
			}
		}
		fmt.Fprint(p.Notes, line+end)
	}
}
