package term

import (
	"fmt"
	"time"
)

// Progress says on stderr how far a command has come: now and then, and at its
// end. On a terminal a line takes the place of the one before it.
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
