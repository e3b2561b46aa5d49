package gate

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"sync"

	"github.com/labstack/echo/v4"

	"scrapelog/handlers/problem"
)

// Streams bounds the event streams that are open, for they hold a connection each for
// as long as their client likes. The zero value, and none at all, bound nothing.
//
// A client is the user or the token that asks, else the address that a connection comes
// from (of IPv6 its /64), and a watcher's id. Loopback is no client: every tab, command
// line and proxy of this machine comes from there, and only Total and their watchers' ids
// bound them.
type Streams struct {
	Total     int                              // open at once
	PerClient int                              // of one client
	Principal func(ctx context.Context) string // who asks; nil, or "": not known

	mu      sync.Mutex
	open    int
	clients map[string]int
}

// Limit answers 429 where a stream would be one too many.
func (s *Streams) Limit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if s == nil || c.Request().Method == http.MethodHead {
			return next(c)
		}
		leave, err := s.enter(s.clientsOf(c.Request()))
		if err != nil {
			c.Response().Header().Set(echo.HeaderConnection, "close") // an idle one is held as well
			return err
		}
		defer leave()
		return next(c)
	}
}

// full reports whether the limit of streams is reached.
func (s *Streams) full() (open int, full bool) {
	if s == nil {
		return 0, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, s.Total > 0 && s.open >= s.Total
}

func (s *Streams) enter(clients []string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Total > 0 && s.open >= s.Total {
		return nil, problem.New(problem.TooMany, fmt.Sprintf("%d streams are open, which is the limit (limits.streams)", s.open))
	}
	for _, client := range clients {
		if s.PerClient > 0 && s.clients[client] >= s.PerClient {
			return nil, problem.New(problem.TooMany, fmt.Sprintf("this client has %d streams open, which is the limit (limits.streams_per_client)", s.PerClient))
		}
	}
	if s.clients == nil {
		s.clients = map[string]int{}
	}
	s.open++
	for _, client := range clients {
		s.clients[client]++
	}
	return func() { s.leave(clients) }, nil
}

func (s *Streams) leave(clients []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	for _, client := range clients {
		if s.clients[client]--; s.clients[client] == 0 {
			delete(s.clients, client)
		}
	}
}

// Client returns the address that a request is counted for: that of its connection, of
// IPv6 the /64.
func Client(r *http.Request) (netip.Addr, bool) {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	addr := at.Addr().Unmap().WithZone("")
	if network, err := addr.Prefix(64); err == nil && addr.Is6() && !addr.IsLoopback() {
		addr = network.Addr()
	}
	return addr, err == nil
}

// clientsOf names whom a stream is counted for.
func (s *Streams) clientsOf(r *http.Request) (clients []string) {
	who := ""
	if s.Principal != nil {
		who = s.Principal(r.Context())
	}
	if who != "" {
		clients = append(clients, who)
	} else if client, ok := Client(r); ok && !client.IsLoopback() {
		clients = append(clients, "address "+client.String())
	}
	if id := r.URL.Query().Get("id"); id != "" {
		clients = append(clients, "watcher "+id)
	}
	return clients
}
