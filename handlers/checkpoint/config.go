package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"

	"scrapelog/domain"
	"scrapelog/handlers/sign"
)

// Config says where checkpoints are sent. The zero value sends none.
type Config struct {
	Syslog     string `yaml:"syslog"`      // udp://HOST:514, tcp://HOST:601, tls://HOST:6514 or unix:///dev/log
	WebhookEnv string `yaml:"webhook_env"` // the environment variable that holds a URL which takes Standard Webhooks
	SecretEnv  string `yaml:"secret_env"`  // signs them: whsec_…
}

const at = "audit.forward"

// Validate returns the first invalid value as a *domain.FieldError.
func (c Config) Validate() error {
	if _, _, err := c.syslog(); err != nil {
		return &domain.FieldError{Field: at + ".syslog", Problem: fmt.Sprintf("%.200q is not a syslog server", c.Syslog), Want: "use udp://HOST:514, tcp://HOST:601, tls://HOST:6514 or unix:///dev/log"}
	}
	if c.SecretEnv != "" && c.WebhookEnv == "" {
		return &domain.FieldError{Field: at + ".secret_env", Problem: "only a webhook is signed", Want: "leave it out, or add webhook_env"}
	}
	for _, variable := range []struct{ key, name string }{{"webhook_env", c.WebhookEnv}, {"secret_env", c.SecretEnv}} {
		if err := domain.CheckEnvNameIfSet(at+"."+variable.key, variable.name); err != nil {
			return err
		}
	}
	return nil
}

// Check returns an error if the environment does not hold what the configuration names.
func (c Config) Check() error {
	if c.WebhookEnv == "" {
		return nil
	}
	_, err := sign.Address(c.WebhookEnv)
	if c.SecretEnv != "" {
		err = errors.Join(err, sign.Check(c.SecretEnv))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return nil
}

var errNoSyslog = errors.New("not the address of a syslog server")

// syslog returns how the server is reached; empty: there is none.
func (c Config) syslog() (network, address string, err error) {
	if c.Syslog == "" {
		return "", "", nil
	}
	u, err := url.Parse(c.Syslog)
	if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", "", errNoSyslog
	}
	switch u.Scheme {
	case "unix":
		if u.Host != "" || !path.IsAbs(u.Path) {
			return "", "", errNoSyslog
		}
		return "unixgram", u.Path, nil
	case "udp", "tcp", "tls":
		port := cmp.Or(u.Port(), map[string]string{"udp": "514", "tcp": "601", "tls": "6514"}[u.Scheme])
		if u.Hostname() == "" || u.Path != "" && u.Path != "/" {
			return "", "", errNoSyslog
		}
		return u.Scheme, net.JoinHostPort(u.Hostname(), port), nil
	}
	return "", "", errNoSyslog
}
