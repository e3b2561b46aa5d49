package domain

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// The limits of requests. They hold for the configuration file, the API, forms and
// the command line alike, because the log keeps every value for ever. Events that an
// older scrapelog has recorded may exceed them.
const (
	MaxConfig  = 64 << 10 // bytes of one scraper's configuration as JSON
	MaxParams  = 16 << 10 // bytes of params as JSON
	MaxDepth   = 32       // levels of nesting of params: {} is one
	MaxText    = 500      // bytes of a reason, or of a name to search for
	MaxWatcher = 128      // bytes of a watcher's id

	// DefaultAPIScrapers is how many scrapers may be in service that were made
	// through the API, unless the configuration says otherwise.
	DefaultAPIScrapers = 1000
)

// JSONDepth returns how deep the arrays and objects of a JSON text are nested. It
// scans once and allocates nothing, so a text can be refused before it is parsed.
func JSONDepth(text []byte) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}', c == ']':
			depth--
		}
	}
	return deepest
}

// CheckParams refuses params that are not a JSON object, or that are too deep or too
// large for the log. None at all are fine.
func CheckParams(params json.RawMessage) error {
	if params == nil {
		return nil
	}
	if depth := JSONDepth(params); depth > MaxDepth {
		return &FieldError{"params", fmt.Sprintf("are nested %d levels deep", depth), fmt.Sprintf("use at most %d", MaxDepth)}
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, params); err != nil || compact.Len() == 0 || compact.Bytes()[0] != '{' {
		return &FieldError{"params", "is not an object", `use an object such as {"depth":2}`}
	}
	if compact.Len() > MaxParams {
		return &FieldError{"params", fmt.Sprintf("have %d bytes", compact.Len()), fmt.Sprintf("use at most %d: the log keeps them for ever", MaxParams)}
	}
	return nil
}

// validSize refuses a configuration that is too large for the log.
func (c ScraperConfig) validSize() error {
	if c.Params != nil {
		params, err := json.Marshal(c.Params)
		if err != nil {
			return &FieldError{"params", "cannot be written as JSON", "use text, numbers, true, false, lists and objects"}
		}
		if err := CheckParams(params); err != nil {
			return err
		}
	}
	whole, err := json.Marshal(c)
	if err != nil {
		return &FieldError{"name", "cannot be written as JSON", "use text in UTF-8"}
	}
	if len(whole) > MaxConfig {
		return &FieldError{"name", fmt.Sprintf("%q has a configuration of %d bytes", c.Name, len(whole)), fmt.Sprintf("use at most %d: the log keeps each change for ever", MaxConfig)}
	}
	return nil
}

// check refuses a command that no state allows. The values that a recovery run
// inherits were checked when the first run was started, perhaps by an older program
// with other limits.
func check(c Command) error {
	switch c := c.(type) {
	case ConfigureScraper:
		return c.Config.Validate()
	case StartScrape:
		return c.check()
	case PauseScraper:
		return CheckReason(c.Reason)
	case ResumeScraper:
		return CheckReason(c.Reason)
	case RemoveScraper:
		return CheckReason(c.Reason)
	case CancelRun:
		return CheckReason(c.Reason)
	case ReportOverdue, ReportCompleted, ReportFailed, ReportConnectionLost, ReportConnectionRestored:
		return nil // what was seen is recorded, cut where it is too long
	}
	return nil
}

func (c StartScrape) check() error {
	if c.Trigger != TriggerManual {
		return nil
	}
	if c.Watcher != "" {
		if err := CheckWatcher("attach", c.Watcher); err != nil {
			return err
		}
	}
	return CheckParams(c.Params)
}

// recordedWatcher is what the log holds of the command's watcher: a manual start
// names its id, a recovery run inherits what is recorded.
func (c StartScrape) recordedWatcher() string {
	if c.Trigger == TriggerManual {
		return WatcherDigest(c.Watcher)
	}
	return RecordedWatcher(c.Watcher)
}

// CheckRoom refuses one more scraper through the API when have are in service.
func CheckRoom(have, most int) error {
	if have < most {
		return nil
	}
	return fmt.Errorf("%d scrapers were made through the API, and limits.api_scrapers allows %d; remove some: %w", have, most, ErrConflict)
}

// Line reports whether s is text on one line and not too long: what a reason may be, and
// what a database may be asked to compare with.
func Line(s string) bool {
	return len(s) <= MaxText && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// CheckReason refuses a reason that is not one line of text.
func CheckReason(reason string) error {
	if !Line(reason) {
		return &FieldError{"reason", "is too long or holds control characters", fmt.Sprintf("use one line of up to %d bytes", MaxText)}
	}
	return nil
}

// CheckWatcher refuses a watcher's id that cannot be used in a URL, a header and a
// log line. field is the name of the field that held it.
func CheckWatcher(field, id string) error {
	visible := func(r rune) bool { return r > ' ' && r <= '~' }
	if id == "" || len(id) > MaxWatcher || strings.ContainsFunc(id, func(r rune) bool { return !visible(r) }) {
		return &FieldError{field, "is not a watcher id", fmt.Sprintf("use 1 to %d visible ASCII characters", MaxWatcher)}
	}
	return nil
}

// A watcher's id is a capability: a client that knows it can open a stream under it
// and so keep the runs attached to it alive. The log and its projections hold only
// its digest.
const watcherDigest = "w-"

var recordedWatcher = regexp.MustCompile(`^` + watcherDigest + `[0-9a-f]{32}$`)

// WatcherDigest returns what the log holds of a watcher's id.
func WatcherDigest(id string) string {
	if id == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("scrapelog watcher " + id))
	return watcherDigest + hex.EncodeToString(sum[:16])
}

// RecordedWatcher returns the digest for what a RunStarted holds: a digest already,
// or the id itself in logs of older programs.
func RecordedWatcher(recorded string) string {
	if recordedWatcher.MatchString(recorded) {
		return recorded
	}
	return WatcherDigest(recorded)
}

// RunTraceparent returns a run's W3C trace context. Trace id and span id follow from
// the run's id, so that the log, the logs of the scraper and the span that a collector
// is sent can be joined by them.
func RunTraceparent(run uuid.UUID) string {
	return "00-" + hex.EncodeToString(run[:]) + "-" + hex.EncodeToString(run[8:]) + "-01"
}

// TraceID returns the trace id within [RunTraceparent].
func TraceID(run uuid.UUID) string { return hex.EncodeToString(run[:]) }

var traceparentRule = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$`)

// Traceparent returns the W3C trace context that a header holds. One that is not
// valid is ignored, as the specification asks: "". Of a later version it keeps what
// the known one has.
func Traceparent(header string) string {
	const known = 55
	if len(header) > MaxText {
		return ""
	}
	m := traceparentRule.FindStringSubmatch(header)
	switch {
	case m == nil, m[1] == "ff", m[1] == "00" && len(header) != known,
		strings.Trim(m[2], "0") == "", strings.Trim(m[3], "0") == "":
		return ""
	}
	return "00" + header[2:known]
}
