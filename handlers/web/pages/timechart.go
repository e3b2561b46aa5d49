package pages

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// The measures of the drawing of outages over time.
const (
	plotWide = 600
	plotHigh = 70
)

// stem is an outage over time: where it stands, and the higher the longer it was.
type stem struct {
	x, y  string
	open  bool // the connection is not known to be back
	title string
	run   uuid.UUID
}

// stems draws outages, newest first, between the oldest and now. Their height
// grows with the logarithm of their length: a second to a day. The length of a loss that
// a newer run superseded is unknown; standing is the loss that has not ended.
func stems(outages []Outage, standing uuid.UUID, now time.Time) []stem {
	from := outages[len(outages)-1].Run.EndedAt.Time
	whole := max(time.Minute, now.Sub(from))
	var list []stem
	for _, o := range outages {
		down, back := o.down()
		title := "lost for " + Took(down)
		switch {
		case o.Run.ID == standing && !back:
			down = now.Sub(o.Run.EndedAt.Time)
			title = "lost for " + age(down) + " by now"
		case !back:
			down, title = 0, "a newer run took its place"
		}
		part := math.Log10(max(1, down.Seconds())) / math.Log10(86400)
		list = append(list, stem{
			x: coordinate(8 + (plotWide-16)*float64(o.Run.EndedAt.Sub(from))/float64(whole)),
			y: coordinate(plotHigh - 8 - (plotHigh-16)*min(1, part)), open: !back, run: o.Run.ID,
			title: fmt.Sprintf("%s, %s", Instant(o.Run.EndedAt.Time), title),
		})
	}
	return list
}

func coordinate(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
