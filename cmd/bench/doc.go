// Bench measures the log against what its figures are compared with, on SQLite
// and on a private PostgreSQL server with its default durability, and prints a
// table: the figure, the other's, their ratio and the goal.
//
// Rivals take turns within each round, so that what else the machine does meets
// all of them; what is printed are medians over the rounds. A goal that was not
// reached is printed as missed. Ratios can be compared between machines, figures
// cannot.
package main
