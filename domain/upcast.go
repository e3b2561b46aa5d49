package domain

import "slices"

// A wire name names one shape for ever. When the shape of an event has to change,
// the new shape takes the next name ("run.started.v2"), and the old name retires:
// an upcaster turns its payload into that of the next when it is read. Recorded
// events are never rewritten; the proof of the log covers their bytes.
//
// The version is part of the name, and not of the metadata, for the sake of
// programs that do not know it yet: they pass over an event with a name they do
// not know, and would misread a payload under a name that they do.

// Upcaster turns the payload of a retired shape into that of its successor.
type Upcaster func(old []byte) ([]byte, error)

type succession struct {
	successor string
	upcast    Upcaster
}

var retired = map[string]succession{}

// Retire declares that events named old are read as events named successor, which
// may be retired in turn. It MUST be called before anything is decoded, so it
// stands beside the event:
//
//	var _ = Retire("run.started", "run.started.v2", upcastRunStarted)
//
// undo is for tests.
func Retire(old, successor string, upcast Upcaster) (undo func()) {
	retired[old] = succession{successor, upcast}
	return func() { delete(retired, old) }
}

// Current is the wire name under which events named eventType are handled: of
// the shape that they are upcast to. A name that is unknown is its own.
func Current(eventType string) string {
	for next, old := retired[eventType]; old; next, old = retired[eventType] {
		eventType = next.successor
	}
	return eventType
}

// WireNames lists the names under which the log may hold events that are handled
// as eventType: itself, then the retired ones in alphabetical order.
func WireNames(eventType string) []string {
	names := []string{eventType}
	for old := range retired {
		if Current(old) == eventType {
			names = append(names, old)
		}
	}
	slices.Sort(names[1:])
	return names
}

// upcast brings a payload to the shape of the current name.
func upcast(eventType string, data []byte) (current string, _ []byte, err error) {
	for next, old := retired[eventType]; old; next, old = retired[eventType] {
		if data, err = next.upcast(data); err != nil {
			return eventType, nil, err
		}
		eventType = next.successor
	}
	return eventType, data, nil
}
