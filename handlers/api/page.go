package api

import "encoding/json"

const (
	// pageBytes is how large a page of a list may grow. A page that reaches it ends
	// before its limit, and says what comes next.
	pageBytes = 2 << 20
	// firstRead is how many items a page reads at first, and how many more than is
	// needed it reads at most when they are large.
	firstRead = 50
)

// listPage is a page of a list, as it is sent.
type listPage[T any] struct {
	json []json.RawMessage
	last T
}

// readPage reads a page of at most limit items and pageBytes bytes. next reads the
// first n items after last (nil: from where the page begins).
func readPage[T any](limit int, next func(last *T, n int) ([]T, error)) (page listPage[T], more bool, err error) {
	page.json = []json.RawMessage{}
	size, n := 0, firstRead
	for {
		n = min(n, limit-len(page.json)+1) // one more than is shown: is there a next page?
		var last *T
		if len(page.json) > 0 {
			last = &page.last
		}
		items, err := next(last, n)
		if err != nil {
			return page, false, err
		}
		read := size
		for _, item := range items {
			if len(page.json) == limit || size >= pageBytes {
				return page, true, nil
			}
			data, err := json.Marshal(item)
			if err != nil {
				return page, false, err
			}
			page.json, page.last, size = append(page.json, data), item, size+len(data)
		}
		if len(items) < n {
			return page, false, nil
		}
		if size-read < pageBytes/8 {
			n *= 10 // they are small
		}
	}
}
