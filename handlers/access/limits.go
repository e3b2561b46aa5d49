package access

import (
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"scrapelog/handlers/gate"
)

// How many logins are tried. There is no lock-out: it would let anyone keep a user out.
const (
	loginBurst  = 5                // at once, of one name and of one address
	loginEvery  = 10 * time.Second // and then one
	loginsInAll = 20               // in a second
)

// limits bounds the logins that are tried by name, by address and in all.
type limits struct {
	mu   sync.Mutex
	all  *rate.Limiter
	each map[string]*rate.Limiter
}

// take reports whether a login may be tried. Each try counts until [limits.succeeded].
func (l *limits) take(keys []string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.all == nil {
		l.all, l.each = rate.NewLimiter(loginsInAll, loginsInAll), map[string]*rate.Limiter{}
	}
	if !l.all.AllowN(now, 1) {
		return false
	}
	maps.DeleteFunc(l.each, func(_ string, each *rate.Limiter) bool { return each.TokensAt(now) >= loginBurst })
	may := true
	for _, key := range keys {
		if l.each[key] == nil {
			l.each[key] = rate.NewLimiter(rate.Every(loginEvery), loginBurst)
		}
		may = l.each[key].AllowN(now, 1) && may
	}
	return may
}

// succeeded gives a login that was right back to its name and address.
func (l *limits) succeeded(keys []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, key := range keys {
		if each := l.each[key]; each != nil {
			used := loginBurst - int(each.TokensAt(now)) - 1
			l.each[key] = rate.NewLimiter(rate.Every(loginEvery), loginBurst)
			l.each[key].AllowN(now, used)
		}
	}
}

// loginKeys names what a login is counted for: its name and its address, of IPv6 the /64.
func loginKeys(r *http.Request, name string) []string {
	keys := []string{"name " + strings.ToLower(name[:min(len(name), 64)])}
	if client, ok := gate.Client(r); ok {
		keys = append(keys, "address "+client.String())
	}
	return keys
}

// How many requests that write a user makes, with all sessions and tokens together. It
// stops a loop that has gone wild, which would fill the log for ever, and no one's work.
const (
	writesAtOnce = 1000
	writesEach   = 100 // in a second, from then on
)

// writes bounds the requests that write, by user.
type writes struct {
	mu sync.Mutex
	of map[uuid.UUID]*rate.Limiter
}

// take reports whether a user may write now.
func (w *writes) take(user uuid.UUID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(w.of, func(_ uuid.UUID, l *rate.Limiter) bool { return l.TokensAt(now) >= writesAtOnce })
	if w.of == nil {
		w.of = map[uuid.UUID]*rate.Limiter{}
	}
	if w.of[user] == nil {
		w.of[user] = rate.NewLimiter(writesEach, writesAtOnce)
	}
	return w.of[user].AllowN(now, 1)
}

// failures counts logins that failed, so that a flood of them is a line a minute.
type failures struct {
	mu     sync.Mutex
	counts map[string]int
}

func (f *failures) count(user string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = map[string]int{}
	}
	f.counts[user]++
}

// tell logs the counts since the last time.
func (f *failures) tell(logger *slog.Logger) {
	f.mu.Lock()
	counts := f.counts
	f.counts = nil
	f.mu.Unlock()
	for user, n := range counts {
		logger.Warn("logins failed within a minute", "user", user, "times", n)
	}
}
