package notify

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/telegram"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/egress"
	"scrapelog/handlers/secret"
	"scrapelog/handlers/sign"
)

// shout sends notices through shoutrrr: mail, Slack, Telegram, ntfy and others.
type shout struct {
	channel   Channel
	client    *http.Client
	transport *transport
	rules     func() egress.Rules
	stuck     *atomic.Int64 // attempts that were given up and have not returned
}

// mostStuck bounds the attempts of a channel that have not returned: shoutrrr takes no
// context, and a mail server that accepts and then says nothing holds one for ever.
const mostStuck = 8

func (s shout) address() (string, error) {
	address, err := secret.Read(s.channel.ShoutrrrEnv)
	if err != nil {
		return "", err
	}
	scheme, _, ok := strings.Cut(address, "://")
	scheme, _, _ = strings.Cut(strings.ToLower(scheme), "+")
	if _, known := services[scheme]; !ok || !known {
		return "", &secret.Error{Variable: s.channel.ShoutrrrEnv, Problem: "holds no URL of shoutrrr (its value is not repeated here); use smtp://…, slack://…, telegram://…, ntfy://… or another of its services"}
	}
	return address, nil
}

func (s shout) check() error {
	_, err := s.address()
	return err
}

func (s shout) send(ctx context.Context, n outbox.Notice) error {
	address, err := s.address()
	if err != nil {
		return err
	}
	if s.stuck.Load() >= mostStuck {
		return errors.New("earlier attempts still wait for an answer")
	}
	ended := make(chan error, 1)
	s.stuck.Add(1)
	go func() {
		defer s.stuck.Add(-1)
		ended <- s.deliver(ctx, address, n)
	}()
	select {
	case err := <-ended:
		return discreet(err, address)
	case <-ctx.Done():
		return errors.New("did not answer in time")
	}
}

func (s shout) deliver(ctx context.Context, address string, n outbox.Notice) (err error) {
	defer func() {
		if r := recover(); r != nil { // the services are not ours, and the address may hold anything
			err = errors.New("the service of shoutrrr panicked")
		}
	}()
	service, at, err := named(address)
	if err != nil {
		return err
	}
	if err := service.Initialize(at, nil); err != nil {
		return fmt.Errorf("%s cannot read its address: %w", service.GetID(), err)
	}
	title, text, link := told(n)
	if server, ok := service.(*mailed); ok {
		return mail(ctx, s.rules, server.config, letter{n.ID.String(), mime.QEncoding.Encode("utf-8", title), text + "\n" + link + "\n"})
	}
	s.confine(service)
	params, message := types.Params{types.TitleKey: title}, text+"\n"+link
	switch service.GetID() {
	case "googlechat", "hangouts", "rocketchat", "signal", "wecom", "pagerduty", "notifiarr": // have no title
		params, message = types.Params{}, title+"\n"+message
	}
	if err := service.Send(message, &params); err != nil {
		return err
	}
	if bot, ok := service.(*telegram.Service); ok { // which takes a failed connection for a success
		return s.transport.failure("/bot" + bot.Config.Token + "/sendMessage")
	}
	return nil
}

// confine lets a service connect only where the egress rules allow it. The services
// without a client of their own use the clients of net/http; see confineDefaults.
func (s shout) confine(service service) {
	switch service := service.(type) {
	case interface{ SetHTTPClient(*http.Client) }:
		service.SetHTTPClient(s.client)
	case interface{ GetHTTPClient() *http.Client }:
		service.GetHTTPClient().Transport = s.client.Transport
	}
}

var confining sync.Mutex

// confineDefaults confines the clients of net/http, with which most services of
// shoutrrr send. Nothing else in this process uses them.
func confineDefaults(t *transport) {
	confining.Lock()
	defer confining.Unlock()
	http.DefaultClient.Transport, http.DefaultClient.Timeout = t, timeout
	if shared, ok := http.DefaultTransport.(*http.Transport); ok {
		shared.DialContext, shared.Proxy = t.http.DialContext, nil
		shared.TLSHandshakeTimeout, shared.ResponseHeaderTimeout = timeout, timeout
	}
}

// discreet returns an error of shoutrrr without what the address of the channel holds:
// its errors repeat addresses, and these have tokens and passwords in any part.
func discreet(err error, address string) error {
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return refused
	}
	if denied, ok := errors.AsType[*egress.DeniedError](err); ok {
		return denied
	}
	if said, ok := errors.AsType[*textproto.Error](err); ok { // a mail server
		return fmt.Errorf("answered with %s", without(said.Error(), address))
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("its host name was not found: %s", dns.Err)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%s: %w", op.Op, op.Err)
	}
	if at, ok := errors.AsType[*url.Error](err); ok {
		err = sign.Harmless(at)
	}
	return errors.New(without(err.Error(), address))
}

var anyURL = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"']*`)

// without returns a text in which every part of the address that may be secret is
// replaced.
func without(text, address string) string {
	const hidden = "…"
	text = anyURL.ReplaceAllString(text, hidden)
	_, rest, _ := strings.Cut(address, "://")
	parts := strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune("/:@?&=#,+", r) })
	for _, part := range parts {
		if plain, err := url.QueryUnescape(part); err == nil && len(plain) >= shortestSecret {
			text = strings.ReplaceAll(text, plain, hidden)
		}
		if len(part) >= shortestSecret {
			text = strings.ReplaceAll(text, part, hidden)
		}
	}
	return text
}

// shortestSecret keeps words such as "yes" in a text that merely stand in the address
// as well.
const shortestSecret = 5
