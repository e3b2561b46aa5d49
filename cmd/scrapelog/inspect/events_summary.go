package inspect

import (
	"scrapelog/eventstore"
	"scrapelog/handlers/words"
)

// summary returns one line about an event; for an event of an unknown type, its data.
func summary(r eventstore.Recorded) string {
	e, err := r.Event()
	if e == nil || err != nil {
		return string(r.Data)
	}
	return words.Brief(e)
}
