package term

import "bytes"

// Screen is a terminal that is drawn again and again.
type Screen struct{ out *Printer }

// Screen returns the terminal; an error if the output is none.
func (p *Printer) Screen() (*Screen, error) {
	if !p.terminal || !p.IsTable() {
		return nil, Usagef("the output is not a terminal: use \"scrapelog status\"")
	}
	return &Screen{p}, nil
}

// Draw shows the pairs in place of what was drawn before.
func (s *Screen) Draw(pairs ...[2]string) error {
	var b bytes.Buffer
	b.WriteString("\x1b[H") // home; each line is cleared to its end, and then the rest
	list := &Printer{Out: &b, Format: "table", colour: s.out.colour, terminal: true, width: s.out.width}
	if err := list.Facts(nil, pairs...); err != nil {
		return err
	}
	drawn := bytes.ReplaceAll(b.Bytes(), []byte("\n"), []byte("\x1b[K\n"))
	_, err := s.out.Write(append(drawn, "\x1b[J"...))
	return err
}
