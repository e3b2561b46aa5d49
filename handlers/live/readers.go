package live

// reader is one open stream. Code that removes it from Hub.readers closes its channel,
// with Hub.mu held.
type reader struct{ messages chan Message }

// take buffers the messages and reports whether there was room for all.
func (r *reader) take(messages []Message) bool {
	for _, m := range messages {
		select {
		case r.messages <- m:
		default:
			return false
		}
	}
	return true
}

type join struct{ reply chan<- joined }

type joined struct {
	reader *reader
	err    error
}

// alone reports whether the hub has no reader. Then the hub reads nothing, and goes on
// at the position of the next state.
func (h *Hub) alone() bool { return h.Readers() == 0 }

// Readers returns how many streams the hub serves.
func (h *Hub) Readers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.readers)
}

func (h *Hub) remove(r *reader) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := h.readers[r]; there {
		h.drop(r)
	}
}

// drop ends a stream. The caller must hold h.mu.
func (h *Hub) drop(r *reader) {
	delete(h.readers, r)
	close(r.messages)
}
