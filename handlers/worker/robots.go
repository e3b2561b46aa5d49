package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/jimsmart/grobotstxt"
)

const (
	maxRobots          = 512 << 10 // bytes after decoding; RFC 9309 asks for 500 KiB at least
	maxRobotsRedirects = 5
)

var errRobots = errors.New("robots.txt forbids it")

// robots holds the robots.txt of each origin that a run has met, by RFC 9309.
type robots struct {
	web   *web
	known map[string]string // origin to rules; without rules all is allowed
}

// allow returns errRobots when the rules of at's origin forbid it. Any other error
// is about robots.txt itself and says so.
func (r *robots) allow(ctx context.Context, at string) error {
	origin := originOf(at)
	rules, known := r.known[origin]
	if !known {
		var err error
		if rules, err = r.fetch(ctx, origin+"/robots.txt"); err != nil {
			return fmt.Errorf("robots.txt: %w", err)
		}
		r.known[origin] = rules
	}
	matcher := grobotstxt.NewRobotsMatcher()
	matcher.MatchStrategy = longestMatch{}
	if !matcher.AgentAllowed(rules, userAgent, at) {
		return errRobots
	}
	return nil
}

// longestMatch is the library's strategy, in time that grows with the length of the
// path and not with that length times the pattern's: a site chooses both.
type longestMatch struct{}

func (longestMatch) MatchAllow(path, pattern string) int    { return longest(path, pattern) }
func (longestMatch) MatchDisallow(path, pattern string) int { return longest(path, pattern) }

func longest(path, pattern string) int {
	if matches(path, pattern) {
		return len(pattern)
	}
	return -1
}

// matches finds the parts between the asterisks of a pattern one after the other,
// each as early as it can be. A dollar sign at the end of the pattern stands for the
// end of the path.
func matches(path, pattern string) bool {
	parts, whole := strings.CutSuffix(pattern, "$")
	part, parts, more := strings.Cut(parts, "*")
	path, found := strings.CutPrefix(path, part)
	for found && more {
		part, parts, more = strings.Cut(parts, "*")
		if whole && !more {
			return strings.HasSuffix(path, part)
		}
		_, path, found = strings.Cut(path, part)
	}
	return found && (!whole || path == "")
}

// fetch follows redirects to any host, as RFC 9309 section 2.3.1.2 asks. A file that
// is behind more of them than maxRobotsRedirects, or that is answered 4xx, is taken
// for an empty one. A server error or no answer forbids everything.
func (r *robots) fetch(ctx context.Context, at string) (string, error) {
	for range maxRobotsRedirects + 1 {
		var rules, to string
		err := r.web.get(ctx, at, func(resp *http.Response) (err error) {
			if to = redirect(resp); to == "" && resp.StatusCode/100 == 2 {
				rules, err = readRobots(resp)
			}
			return err
		})
		var status *statusError
		switch {
		case errors.As(err, &status) && status.code/100 == 5:
			return "", fmt.Errorf("%w; RFC 9309 forbids every page until it is served or answered 404", err)
		case errors.As(err, &status):
			return "", nil
		case err != nil:
			return "", err
		case to == "":
			return rules, nil
		}
		at = to
	}
	return "", nil
}

// readRobots leaves out the line that the bound cuts: a part of a path forbids more
// than the whole.
func readRobots(resp *http.Response) (string, error) {
	body, err := readBody(resp, maxRobots)
	if errors.Is(err, errTooLong) {
		return string(body[:bytes.LastIndexAny(body, "\r\n")+1]), nil
	}
	return string(body), err
}
