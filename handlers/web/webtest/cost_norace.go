//go:build !race

package webtest

// slower is how many times more the race detector makes a request cost.
const slower = 1
