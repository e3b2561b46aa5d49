package domain

import (
	"cmp"
	"strings"
)

// Nearest returns the word of known that takes the fewest edits to reach from word,
// if word is close enough to be a misspelling of it; otherwise "".
func Nearest(word string, known []string) string {
	const longest = 64 // longer words are no misspellings, and cost quadratic time
	if len(word) > longest {
		return ""
	}
	word = strings.ToLower(word)
	nearest, fewest := "", max(2, len(word)/3)+1
	for _, candidate := range known {
		if len(candidate) > longest {
			continue
		}
		if n := edits(word, candidate); n < fewest {
			nearest, fewest = candidate, n
		}
	}
	return nearest
}

// DidYouMean asks whether the nearest of the known words was meant. It returns "" if none
// is near.
func DidYouMean(word string, known []string) string {
	if nearest := Nearest(word, known); nearest != "" {
		return "did you mean " + nearest + "?"
	}
	return ""
}

// Suggest says which of the known words was meant, else which there are.
func Suggest(word string, known []string) string {
	return cmp.Or(DidYouMean(word, known), "use "+strings.Join(known, ", "))
}

// edits counts the bytes to insert, delete, replace or swap with their neighbour to
// make b of a: the optimal string alignment distance.
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
