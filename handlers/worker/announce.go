package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/net/http/httpguts"

	"scrapelog/domain"
	"scrapelog/handlers/egress"
	"scrapelog/handlers/secret"
)

const (
	announceEvery   = time.Second
	announceTimeout = 5 * time.Second
)

// errAnnounceDenied is logged once even if announcing failed otherwise before: it does
// not pass by itself.
var errAnnounceDenied = errors.New("announce_token_env must name a variable with a valid token of the role announce; scrapelog tokens add NAME --role announce makes one")

// announce tells the server that the worker is up, once a second until the server answers
// 2xx. Call it when the worker listens, because the server may probe at once.
func (w *Worker) announce(ctx context.Context) error {
	if w.cfg.Announce == "" {
		return nil
	}
	var names struct {
		Scrapers []string `json:"scrapers"`
	}
	for _, s := range w.cfg.Scrapes {
		names.Scrapers = append(names.Scrapers, s.Name)
	}
	body, err := json.Marshal(names)
	if err != nil {
		return err
	}
	client := w.announcer()
	defer client.CloseIdleConnections()
	again := time.NewTicker(announceEvery)
	defer again.Stop()
	for tried, told := 1, false; ; tried++ {
		if err = w.announceOnce(ctx, client, body); err == nil {
			w.log.Info("announced", "url", domain.PublicURL(w.cfg.Announce), "tries", tried)
			return nil
		}
		denied := errors.Is(err, errAnnounceDenied)
		if (tried == 1 || denied && !told) && ctx.Err() == nil {
			told = told || denied
			w.log.Warn("announcing failed, retrying every second", "url", domain.PublicURL(w.cfg.Announce), "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
		}
	}
}

// announcer follows no redirects.
func (w *Worker) announcer() *http.Client {
	return &http.Client{
		Transport:     egress.Dialer{Rules: w.egress}.Transport(),
		Timeout:       announceTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (w *Worker) announceOnce(ctx context.Context, client *http.Client, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.cfg.Announce, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if w.cfg.AnnounceTokenEnv != "" {
		token, err := secret.Read(w.cfg.AnnounceTokenEnv)
		if err != nil {
			return fmt.Errorf("announce_token_env: %w", err)
		}
		if !httpguts.ValidHeaderFieldValue(token) {
			return fmt.Errorf("announce_token_env: environment variable %s holds a character that no header may carry", w.cfg.AnnounceTokenEnv)
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode/100 == 2:
		return nil
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return fmt.Errorf("answered %s: %w", resp.Status, errAnnounceDenied)
	}
	return fmt.Errorf("answered %s", resp.Status)
}
