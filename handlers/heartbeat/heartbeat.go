// Package heartbeat lets an outside watcher notice the death of this process: it sends
// a GET at an interval for as long as the instance does its work.
package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/secret"
)

// Config says where the heartbeat goes. The zero value sends none.
type Config struct {
	URLEnv   string          `yaml:"url_env"`  // the environment variable that holds the URL
	Interval domain.Duration `yaml:"interval"` // 1s to 24h
}

// Default returns the documented defaults.
func Default() Config { return Config{Interval: domain.Duration(time.Minute)} }

// timeout bounds one beat.
const timeout = 10 * time.Second

// Validate returns the first invalid value as a *domain.FieldError.
func (c Config) Validate() error {
	if c.Interval.Std() < time.Second || c.Interval.Std() > 24*time.Hour {
		return &domain.FieldError{Field: "heartbeat.interval", Problem: fmt.Sprintf("%s is out of range", c.Interval), Want: "use 1s to 24h, such as 60s"}
	}
	return domain.CheckEnvNameIfSet("heartbeat.url_env", c.URLEnv)
}

// Check returns an error if the environment holds no URL for the heartbeat.
func (c Config) Check() error {
	if c.URLEnv == "" {
		return nil
	}
	_, err := c.address()
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	return nil
}

// address returns the URL. The error does not repeat it.
func (c Config) address() (string, error) {
	address, err := secret.Read(c.URLEnv)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return "", &secret.Error{Variable: c.URLEnv, Problem: "holds no URL (its value is not repeated here); use https://…"}
	}
	return address, nil
}

// Heart sends the heartbeat. The fields are required.
type Heart struct {
	Config
	Ready  func(ctx context.Context) (reasons []string) // why this instance does not do its work; none: it does
	Client *http.Client
	Logger *slog.Logger
}

// Run sends a beat at each interval at which the instance does its work, until ctx ends.
func (h *Heart) Run(ctx context.Context) error {
	if h.URLEnv == "" {
		<-ctx.Done()
		return nil
	}
	failed := false
	for wait := time.Duration(0); ; wait = h.Interval.Std() {
		if !eventstore.Pause(ctx, wait) {
			return nil
		}
		for len(h.Ready(ctx)) > 0 { // the first beat comes when it is ready
			if !eventstore.Pause(ctx, min(time.Second, h.Interval.Std())) {
				return nil
			}
		}
		err := h.beat(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			h.Logger.Warn("heartbeat not delivered, retrying", "error", err)
		}
		failed = err != nil
	}
}

func (h *Heart) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, min(timeout, h.Interval.Std()))
	defer cancel()
	address, err := h.address()
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return errors.New("its URL cannot be parsed")
	}
	request.Header.Set("User-Agent", "scrapelog")
	answer, err := h.Client.Do(request)
	if at, ok := errors.AsType[*url.Error](err); ok {
		return at.Err // without the URL
	}
	if err != nil {
		return err
	}
	return answer.Body.Close()
}
