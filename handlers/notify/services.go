package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/discord"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/googlechat"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/lark"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/matrix"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/mattermost"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/rocketchat"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/signal"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/slack"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/teams"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/telegram"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/wecom"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/zulip"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/email/smtp"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/incident/opsgenie"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/incident/pagerduty"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/bark"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/gotify"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/ifttt"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/join"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/ntfy"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/pushbullet"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/pushover"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/specialized/generic"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/specialized/notifiarr"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// services lists what shoutrrr sends to. Its router is not used: with it come services
// that fill in templates, of which the linker cannot tell which methods they call, so
// that it keeps those of the whole program (6 MB). mailed and posted stand in for them.
var services = map[string]func() service{
	"bark":       made[bark.Service],
	"discord":    made[discord.Service],
	"generic":    func() service { return &posted{} },
	"googlechat": made[googlechat.Service],
	"gotify":     made[gotify.Service],
	"hangouts":   made[googlechat.Service],
	"ifttt":      made[ifttt.Service],
	"join":       made[join.Service],
	"lark":       made[lark.Service],
	"matrix":     made[matrix.Service],
	"mattermost": made[mattermost.Service],
	"notifiarr":  made[notifiarr.Service],
	"ntfy":       made[ntfy.Service],
	"opsgenie":   made[opsgenie.Service],
	"pagerduty":  made[pagerduty.Service],
	"pushbullet": made[pushbullet.Service],
	"pushover":   made[pushover.Service],
	"rocketchat": made[rocketchat.Service],
	"signal":     made[signal.Service],
	"slack":      made[slack.Service],
	"smtp":       func() service { return &mailed{} },
	"teams":      made[teams.Service],
	"telegram":   made[telegram.Service],
	"wecom":      made[wecom.Service],
	"zulip":      made[zulip.Service],
}

// service is the part of a service of shoutrrr that is used.
type service interface {
	Initialize(address *url.URL, logger types.StdLogger) error
	GetID() string
	Send(message string, params *types.Params) error
}

func made[S any, P interface {
	*S
	service
}]() service {
	return P(new(S))
}

// named returns the service that the scheme of an address names, and the address in the
// form in which that service takes it: "generic+https://…" stands for a URL of its own.
func named(address string) (s service, at *url.URL, err error) {
	if at, err = url.Parse(address); err != nil {
		return nil, nil, err
	}
	name, _, custom := strings.Cut(at.Scheme, "+")
	fresh, known := services[name]
	if !known {
		return nil, nil, fmt.Errorf("shoutrrr has no service %q", name)
	}
	if s = fresh(); !custom {
		return s, at, nil
	}
	translator, ok := s.(interface {
		GetConfigURLFromCustom(address *url.URL) (*url.URL, error)
	})
	if !ok {
		return nil, nil, fmt.Errorf("%s takes no URL of its own", name)
	}
	at, err = translator.GetConfigURLFromCustom(at)
	return s, at, err
}

// mailed is the mail service, whose configuration is read by shoutrrr; see mail.
type mailed struct{ config *smtp.Config }

func (m *mailed) Initialize(address *url.URL, logger types.StdLogger) error {
	var s smtp.Service
	err := s.Initialize(address, logger)
	m.config = s.Config
	return err
}

func (m *mailed) GetID() string { return smtp.Scheme }

func (m *mailed) Send(string, *types.Params) error { return errors.ErrUnsupported }

// posted is the service that posts to any URL, whose configuration is read by shoutrrr.
type posted struct {
	config *generic.Config
	client *http.Client
}

func (p *posted) Initialize(address *url.URL, logger types.StdLogger) error {
	var s generic.Service
	err := s.Initialize(address, logger)
	p.config = s.Config
	return err
}

func (p *posted) GetConfigURLFromCustom(address *url.URL) (*url.URL, error) {
	return (&generic.Service{}).GetConfigURLFromCustom(address)
}

func (p *posted) GetID() string { return generic.Scheme }

func (p *posted) SetHTTPClient(client *http.Client) { p.client = client }

// Send posts the message as text, or with template=json as an object.
func (p *posted) Send(message string, params *types.Params) error {
	body, contentType, given := []byte(message), "text/plain", p.config.GetURL().Query()
	if p.config.Template != "" {
		if !strings.EqualFold(p.config.Template, generic.JSONTemplate) {
			return fmt.Errorf("template %q: only json is known", p.config.Template)
		}
		object := map[string]string{p.config.TitleKey: (*params)[types.TitleKey], p.config.MessageKey: message}
		for key, values := range given {
			if name, ok := strings.CutPrefix(key, "$"); ok {
				object[name] = values[0]
			}
		}
		body, _ = json.Marshal(object) // texts always can be
		contentType = p.config.ContentType
	}
	r, err := http.NewRequestWithContext(context.Background(), p.config.RequestMethod, p.config.WebhookURL().String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Accept", contentType)
	for key, values := range given {
		if name, ok := strings.CutPrefix(key, "@"); ok {
			r.Header.Set(name, values[0])
		}
	}
	answer, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("server returned unexpected response status code: %s", answer.Status)
	}
	return nil
}
