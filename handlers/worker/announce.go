package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"scrapelog/domain"
)

const (
	announceEvery   = time.Second
	announceTimeout = 5 * time.Second
)

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
	client := announcer()
	defer client.CloseIdleConnections()
	again := time.NewTicker(announceEvery)
	defer again.Stop()
	for tried := 1; ; tried++ {
		if err = w.announceOnce(ctx, client, body); err == nil {
			w.log.Info("announced", "url", domain.PublicURL(w.cfg.Announce), "tries", tried)
			return nil
		}
		if tried == 1 && ctx.Err() == nil {
			w.log.Warn("announcing failed, retrying every second", "url", domain.PublicURL(w.cfg.Announce), "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
		}
	}
}

// announcer connects to the configured address directly: without a proxy from the
// environment, and without following redirects.
func announcer() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	return &http.Client{
		Transport:     transport,
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
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("answered %s", resp.Status)
	}
	return nil
}
