package eventstore

import (
	"errors"
	"testing"
)

func request1(q *queue, t *testing.T) (r *request, lead bool) {
	t.Helper()
	r = &request{told: make(chan told, 1)}
	lead, err := q.add(r)
	if err != nil {
		t.Fatal(err)
	}
	return r, lead
}

// One caller leads. Even if it panics, each of the others is answered or leads after it,
// and a store that is closed refuses those that wait.
func TestOneCallerWritesForOthers(t *testing.T) {
	var q queue
	first, lead := request1(&q, t)
	if !lead {
		t.Fatal("the first caller does not lead")
	}
	second, lead := request1(&q, t)
	if lead {
		t.Fatal("two callers lead")
	}
	group := q.take()
	if len(group) != 2 || q.remove(second) {
		t.Fatalf("a group of %d, and one of it can be taken back", len(group))
	}
	third, _ := request1(&q, t)
	fourth, _ := request1(&q, t)
	fifth, _ := request1(&q, t)
	q.pass(group) // as when the leader panics: it answered none
	if got := <-second.told; got != answered || !errors.Is(second.err, ErrUnavailable) || !errors.Is(first.err, ErrUnavailable) {
		t.Errorf("the second caller was told %d: %v", got, second.err)
	}
	if q.remove(third) || !q.remove(fourth) {
		t.Error("the next leader was taken back, or one that only waits was not")
	}
	closed := make(chan struct{})
	go func() { defer close(closed); q.close() }()
	if got := <-fifth.told; got != answered || !errors.Is(fifth.err, errStoreClosed) {
		t.Errorf("the fifth caller was told %d: %v", got, fifth.err)
	}
	if got := <-third.told; got != toLead {
		t.Errorf("the third caller was told %d, not to lead", got)
	}
	group = q.take()
	group[0].answer(nil)
	q.pass(group)
	<-closed
	if _, err := q.add(first); !errors.Is(err, errStoreClosed) {
		t.Errorf("a closed store takes an append: %v", err)
	}
}
