package notify

import (
	"fmt"
	"path"
	"slices"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore/outbox"
)

// Config says who is told of what.
type Config struct {
	GroupWait domain.Duration `yaml:"group_wait"` // what is lost within it is one notice
	To        []Channel       `yaml:"to"`         // the channels
}

// Default returns the documented defaults.
func Default() Config { return Config{GroupWait: domain.Duration(10 * time.Second)} }

// Channel is a receiver of notices. Its address is a secret: the configuration names
// the environment variable that holds it.
type Channel struct {
	Name        string        `yaml:"name"`         // 1 to 63 of a-z, 0-9 and -
	WebhookEnv  string        `yaml:"webhook_env"`  // variable with a URL that takes Standard Webhooks
	SecretEnv   string        `yaml:"secret_env"`   // variable with the secret that signs them: whsec_…
	ShoutrrrEnv string        `yaml:"shoutrrr_env"` // variable with a URL of shoutrrr: mail, Slack, ntfy and others
	On          []outbox.Kind `yaml:"on"`           // kinds of notices; default: all but run
	Scrapers    []string      `yaml:"scrapers"`     // globs; default: all
}

// maxGroupWait bounds group_wait: a notice that waits longer helps too late.
const maxGroupWait = 10 * time.Minute

// Validate returns the first invalid value as a *domain.FieldError.
func (c Config) Validate() error {
	if wait := c.GroupWait.Std(); wait < 0 || wait > maxGroupWait {
		return &domain.FieldError{Field: "notify.group_wait", Problem: fmt.Sprintf("%s is out of range", c.GroupWait), Want: "use 0s to 10m, such as 10s"}
	}
	names := map[string]bool{}
	for i, channel := range c.To {
		at := fmt.Sprintf("notify.to[%d]", i)
		if err := channel.validate(at); err != nil {
			return err
		}
		if names[channel.Name] {
			return &domain.FieldError{Field: at + ".name", Problem: fmt.Sprintf("%q is the name of another channel", channel.Name), Want: "give each channel its own name"}
		}
		names[channel.Name] = true
	}
	return nil
}

func (c Channel) validate(at string) error {
	switch {
	case !domain.ValidScraperName(c.Name):
		return &domain.FieldError{Field: at + ".name", Problem: fmt.Sprintf("%.80q is not a name of a channel", c.Name), Want: "use 1 to 63 of a-z, 0-9 and -"}
	case c.WebhookEnv == "" && c.ShoutrrrEnv == "":
		return &domain.FieldError{Field: at, Problem: "it names no address", Want: "add webhook_env or shoutrrr_env with the name of an environment variable"}
	case c.WebhookEnv != "" && c.ShoutrrrEnv != "":
		return &domain.FieldError{Field: at + ".shoutrrr_env", Problem: "it has a webhook too", Want: "make two channels of it"}
	case c.SecretEnv != "" && c.WebhookEnv == "":
		return &domain.FieldError{Field: at + ".secret_env", Problem: "only a webhook is signed", Want: "leave it out"}
	}
	for _, variable := range []struct{ key, name string }{{"webhook_env", c.WebhookEnv}, {"secret_env", c.SecretEnv}, {"shoutrrr_env", c.ShoutrrrEnv}} {
		if err := domain.CheckEnvNameIfSet(at+"."+variable.key, variable.name); err != nil {
			return err
		}
	}
	for i, kind := range c.On {
		if err := kind.Check(fmt.Sprintf("%s.on[%d]", at, i)); err != nil {
			return err
		}
	}
	for i, glob := range c.Scrapers {
		if _, err := path.Match(glob, ""); err != nil || glob == "" {
			return &domain.FieldError{Field: fmt.Sprintf("%s.scrapers[%d]", at, i), Problem: fmt.Sprintf("%.80q is not a pattern", glob), Want: `use a name, in which * stands for any characters, such as "shop-*"`}
		}
	}
	return nil
}

// wants reports whether the channel asks for notices of a kind.
func (c Channel) wants(kind outbox.Kind) bool {
	if len(c.On) == 0 {
		return kind != outbox.KindRun
	}
	return slices.Contains(c.On, kind)
}

// covers reports whether the channel asks for notices about a scraper.
func (c Channel) covers(scraper string) bool {
	return len(c.Scrapers) == 0 || slices.ContainsFunc(c.Scrapers, func(glob string) bool {
		matches, err := path.Match(glob, scraper)
		return err == nil && matches
	})
}

// covered returns those of the scrapers that the channel asks for.
func (c Channel) covered(scrapers []string) (covered []string) {
	for _, name := range scrapers {
		if c.covers(name) {
			covered = append(covered, name)
		}
	}
	return covered
}
