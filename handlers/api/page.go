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

// readPage reads a page of at most limit items and pageBytes bytes. read reads the first n
// items behind a cursor, which cursor returns of an item. next is the cursor of the page
// that follows; its zero value: there is none.
func readPage[T, C any](limit int, after C, cursor func(T) C, read func(after C, n int) ([]T, error)) (page []json.RawMessage, next C, err error) {
	page = []json.RawMessage{}
	var none C
	size, n := 0, firstRead
	for {
		n = min(n, limit-len(page)+1) // one more than is shown: is there a next page?
		items, err := read(after, n)
		if err != nil {
			return nil, none, err
		}
		before := size
		for _, item := range items {
			if len(page) == limit || size >= pageBytes {
				return page, after, nil
			}
			data, err := json.Marshal(item)
			if err != nil {
				return nil, none, err
			}
			page, after, size = append(page, data), cursor(item), size+len(data)
		}
		if len(items) < n {
			return page, none, nil
		}
		if size-before < pageBytes/8 {
			n *= 10 // they are small
		}
	}
}
