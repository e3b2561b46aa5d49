package pages

import (
	"slices"
	"strconv"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// bracketsBeside is how many brackets may stand beside each other.
const bracketsBeside = 3

// brackets joins each loss in a list with its return and the run that stands in for it.
// For each event it returns the classes of the parts that are drawn in its row.
func brackets(events []Event) [][]string {
	parts := make([][]string, len(events))
	for _, rows := range stories(events) {
		first, last := rows[0], rows[len(rows)-1]
		lane := freeLane(parts, first, last)
		if len(rows) < 2 || lane > bracketsBeside {
			continue
		}
		class := "bracket bracket-" + strconv.Itoa(lane)
		for row := first; row <= last; row++ {
			part := " bracket-pass"
			switch {
			case row == first:
				part = " bracket-top"
			case row == last:
				part = " bracket-bottom"
			case slices.Contains(rows, row):
				part = " bracket-node"
			}
			parts[row] = append(parts[row], class+part)
		}
	}
	return parts
}

// stories lists the rows of each lost run, in their order: its loss, its return and the
// start of the run that recovers it.
func stories(events []Event) (list [][]int) {
	of := map[uuid.UUID]int{}
	for row, e := range events {
		run := recovers(e)
		switch is := e.Is.(type) {
		case domain.ConnectionLost:
			run = is.RunID
		case domain.ConnectionRestored:
			run = is.RunID
		default:
		}
		if run == uuid.Nil {
			continue
		}
		at, known := of[run]
		if !known {
			at = len(list)
			of[run], list = at, append(list, nil)
		}
		list[at] = append(list[at], row)
	}
	return list
}

// freeLane is the first lane in which no other bracket stands between two rows.
func freeLane(parts [][]string, first, last int) int {
	for lane := 1; ; lane++ {
		free, class := true, "bracket bracket-"+strconv.Itoa(lane)+" "
		for _, row := range parts[first : last+1] {
			for _, part := range row {
				free = free && len(part) > len(class) && part[:len(class)] != class
			}
		}
		if free {
			return lane
		}
	}
}
