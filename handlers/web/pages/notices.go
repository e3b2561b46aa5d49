package pages

import "scrapelog/eventstore/outbox"

// NoticeList is what the page of notices shows.
type NoticeList struct {
	GivenUp []outbox.Notice
	Newest  []outbox.Notice
}

// noticeState returns the words for how far a notice has come.
func noticeState(n outbox.Notice) string {
	switch n.State {
	case outbox.StateHeld:
		return "Waits for group_wait"
	case outbox.StatePending:
		return "Is being sent"
	case outbox.StateSent:
		return "Sent"
	case outbox.StateGivenUp:
		return "Given up"
	case outbox.StateMerged:
		return "Told by another notice"
	}
	return string(n.State)
}
