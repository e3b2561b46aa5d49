// Package networktest gives tests networks of their own, to be broken as they
// like. None has a name or shares anything with the machine's network: two runs
// cannot meet, and what a test leaves behind goes with its process, however that
// ends.
package networktest
