package web

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore/feed"
	"scrapelog/handlers/access"
)

const (
	// sharedFor is how old a page may be that is handed to a second tab: what it
	// says of time alone, such as a sign of life, is in no event.
	sharedFor = time.Second
	// sharedPages is how many pages are kept.
	sharedPages = 32
)

// shared are pages that tabs fetch again by themselves. A change is told to all of
// them at once, and those that show the same page are answered with one.
type shared struct {
	mu    sync.Mutex
	pages map[sharedBy]*sharedPage
}

// sharedBy says who shares a page: the tabs of one person in one role.
type sharedBy struct {
	kind access.Kind
	role domain.Role
	user uuid.UUID
	url  string
}

// sharedPage is a page as it was made last. Who makes it has the lock, and the
// others wait for what it makes.
type sharedPage struct {
	mu   sync.Mutex
	made time.Time
	from []feed.Group // what it was made from, or something newer
	body []byte
}

const sharedKey = "shared page"

// share lets tabs have a page in common. People who come to it have one made for
// them: theirs may show what they just did.
func (h *Handler) share(serve echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.Header.Get("HX-Request") == "" {
			return serve(c)
		}
		groups, err := h.cfg.Groups(r.Context())
		if err != nil {
			return err
		}
		viewer := access.From(r.Context())
		p := h.shared.of(sharedBy{viewer.Kind, viewer.Role, viewer.User, r.URL.RequestURI()})
		p.mu.Lock()
		defer p.mu.Unlock()
		if covers(p.from, groups) && h.cfg.Now().Sub(p.made) < sharedFor {
			c.Response().Header().Set("Cache-Control", private)
			return c.HTMLBlob(http.StatusOK, p.body)
		}
		p.made, p.from, p.body = h.cfg.Now(), nil, nil
		c.Set(sharedKey, p)
		if err := serve(c); err != nil || p.body == nil {
			return err
		}
		p.from = groups
		return nil
	}
}

// covers reports whether a page that was made from some state shows all that a tab
// may have been told of since: no reader of the log has come further.
func covers(from, now []feed.Group) bool {
	return len(now) > 0 && slices.EqualFunc(from, now, func(f, n feed.Group) bool { return f.Name == n.Name && f.Position >= n.Position })
}

func (s *shared) of(url sharedBy) *sharedPage {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, known := s.pages[url]; known {
		return p
	}
	if s.pages == nil || len(s.pages) >= sharedPages {
		s.pages = map[sharedBy]*sharedPage{}
	}
	p := &sharedPage{}
	s.pages[url] = p
	return p
}

// keep stores a page for other tabs that ask for it.
func keep(c echo.Context, status int, body []byte) {
	if p, ok := c.Get(sharedKey).(*sharedPage); ok && status == http.StatusOK {
		p.body = body
	}
}
