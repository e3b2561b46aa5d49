package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
)

const defaultServer = "http://127.0.0.1:8080"

// answerTimeout is how long a request waits for its answer. Streams have their
// own watchdog.
const answerTimeout = 30 * time.Second

// client sends requests to a running server.
type client struct {
	server string // without a slash at its end
	shown  string // the same without credentials, for messages
	token  string // empty: none is sent
	http   *http.Client
	notes  io.Writer // what is neither data nor an error
}

func addServerFlag(group *cobra.Command) {
	group.PersistentFlags().String("server", defaultServer, "the server to speak to; for https with a CA of your own, SSL_CERT_FILE names its certificate")
	group.PersistentFlags().String("token-file", "", "file with the token to send [$SCRAPELOG_TOKEN_FILE, or the token itself in $SCRAPELOG_TOKEN] (default: that of the last login)")
	term.BindEnv(group, "server", "SCRAPELOG_SERVER")
}

// serverGroup returns a group of commands that ask a server.
func serverGroup(group *cobra.Command, cmds ...*cobra.Command) *cobra.Command {
	addServerFlag(group)
	return term.DataGroup(group, cmds...)
}

func newClient(cmd *cobra.Command) (*client, error) {
	u, err := serverURL(cmd.Flag("server").Value.String())
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	transport.MaxResponseHeaderBytes = 64 << 10
	c := &client{server: strings.TrimSuffix(u.String(), "/"), notes: cmd.ErrOrStderr(), http: &http.Client{Transport: transport, CheckRedirect: noRedirect}}
	c.shown = strings.TrimSuffix(domain.PublicURL(c.server), "/")
	c.token, err = tokenOf(cmd, u)
	return c, err
}

// noRedirect returns a redirect as the answer: a request and its body are sent to the
// named server only.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// serverURL parses --server. Errors repeat neither credentials nor a query.
func serverURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, term.Usagef("--server: cannot be parsed; use a URL such as %s", defaultServer)
	case u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, term.Usagef("--server: %q is not a server; use a URL such as %s", domain.PublicURL(raw), defaultServer)
	case u.Port() != "" && !domain.ValidPort(u.Port()):
		return nil, term.Usagef("--server: port %s is out of range; use 1 to 65535", u.Port())
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, term.Usagef("--server: %q holds a query or fragment; leave it out", domain.PublicURL(raw))
	}
	return u, nil
}

// asking returns an action that calls do with a client of the server.
func asking(do func(ctx context.Context, c *client, out *term.Printer, args []string) error) term.Action {
	return func(ctx context.Context, cmd *cobra.Command, out *term.Printer, args []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		return do(ctx, c, out, args)
	}
}

func (c *client) get(ctx context.Context, path string, query url.Values, into any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.exchange(ctx, http.MethodGet, path, nil, into)
}

func (c *client) post(ctx context.Context, path string, body, into any) error {
	return c.exchange(ctx, http.MethodPost, path, body, into)
}

func (c *client) exchange(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTimeout, fmt.Errorf("no answer within %s", answerTimeout))
	defer cancel()
	response, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	err = c.decode(response.Body, into)
	if err != nil && ctx.Err() != nil {
		return c.unreachable(ctx, err)
	}
	return err
}

// none makes a request whose answer has no body.
func (c *client) none(ctx context.Context, method, path string, body any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTimeout, fmt.Errorf("no answer within %s", answerTimeout))
	defer cancel()
	response, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// maxAnswer bounds an answer, and one message of a live stream, whose first message is
// the whole state.
const maxAnswer = 16 << 20

func (c *client) decode(body io.Reader, into any) error {
	limited := &io.LimitedReader{R: body, N: maxAnswer}
	err := json.NewDecoder(limited).Decode(into)
	switch {
	case err == nil:
		return nil
	case limited.N <= 0:
		return term.Failf(term.ErrUnreachable, "the answer of %s is larger than %d MB; ask for less with --limit", c.shown, maxAnswer>>20)
	}
	return term.Failf(term.ErrUnreachable, "%s did not answer as scrapelog does: %v", c.shown, err)
}

// send makes a request. It returns an answer of status 2xx, or the refusal as an
// error.
func (c *client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	response, err := c.ask(ctx, method, path, body)
	if err != nil || response.StatusCode/100 == 2 {
		return response, err
	}
	defer response.Body.Close()
	return nil, c.refusal(response)
}

// ask makes a request and returns the answer of any status.
func (c *client) ask(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		doc, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(doc)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.server+path, content)
	if err != nil {
		return nil, term.Usagef("--server: cannot be parsed; use a URL such as %s", defaultServer)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	return response, nil
}

func (c *client) unreachable(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) { // we stopped, and the cause says why
		return context.Cause(ctx)
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	var failed *url.Error
	if errors.As(err, &failed) { // its text repeats method and URL
		err = failed.Err
	}
	advice := ""
	if errors.Is(err, syscall.ECONNREFUSED) {
		advice = `; start one with "scrapelog serve", or name another`
	}
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		advice = "; SSL_CERT_FILE names the file of a CA of your own"
	}
	return fmt.Errorf("%w: %w%s", term.Failf(term.ErrUnreachable, "cannot reach a server at %s (--server)", c.shown), err, advice)
}

// refusals maps an HTTP status to a kind of failure.
var refusals = map[int]error{
	http.StatusBadRequest:          domain.ErrInvalid,
	http.StatusUnauthorized:        term.ErrRefused,
	http.StatusForbidden:           term.ErrRefused,
	http.StatusNotFound:            domain.ErrNotFound,
	http.StatusConflict:            domain.ErrConflict,
	http.StatusUnprocessableEntity: domain.ErrInvalid,
}

// fetched is an answer of the server: decoded, and as received, which is how it is
// printed as JSON.
type fetched[T any] struct {
	view T
	raw  json.RawMessage
}

func (f *fetched[T]) UnmarshalJSON(doc []byte) error {
	f.raw = bytes.Clone(doc)
	return json.Unmarshal(doc, &f.view)
}

func (f fetched[T]) MarshalJSON() ([]byte, error) { return f.raw, nil }

// maxProblem bounds a refusal.
const maxProblem = 64 << 10

// refusal returns a problem document (RFC 9457) as an error. For a redirect it names
// the target.
func (c *client) refusal(response *http.Response) error {
	if to, err := response.Location(); err == nil && response.StatusCode/100 == 3 {
		return term.Failf(term.ErrUnreachable, "%s answered %s to %s, which is not followed; give the server's own URL with --server",
			c.shown, response.Status, domain.PublicURL(to.String()))
	}
	kind := cmp.Or(refusals[response.StatusCode], term.ErrUnreachable)
	var problem struct{ Title, Detail string }
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxProblem)) // cut short it is no document
	err := json.Unmarshal(body, &problem)
	text := cmp.Or(problem.Detail, problem.Title)
	switch {
	case bytes.HasPrefix(body, []byte("Client sent an HTTP request to an HTTPS server")): // net/http says so
		return term.Failf(term.ErrUnreachable, "%s speaks HTTPS; give https:// with --server", c.shown)
	case err != nil || text == "":
		return term.Failf(term.ErrUnreachable, "%s answered %s, which is not how scrapelog answers", c.shown, response.Status)
	}
	if response.StatusCode == http.StatusUnauthorized {
		return term.Failf(kind, `%s; "scrapelog login --server %s --user NAME" logs in, and --token-file or SCRAPELOG_TOKEN give a token`, text, c.shown)
	}
	return term.Failf(kind, "%s", text)
}
