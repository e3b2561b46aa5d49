//go:build !race

package api_test

// slower is how many times more the race detector makes a request cost.
const slower = 1
