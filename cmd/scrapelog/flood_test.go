package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// TestAFloodOfWrongPasswords tries a thousand from as many addresses, as a proxy tells of
// them, so that no address is slowed down: one after the other, most for a name there is.
// A user with a token is answered meanwhile, and nothing of it is recorded.
func TestAFloodOfWrongPasswords(t *testing.T) {
	const tries, atOnce, password = 1000, 20, "correct horse battery staple"
	listen := gatetest.FreeAddress(t)
	config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), "trusted_proxies: [127.0.0.1]\n")
	p := start(t, "serve", "--config", config, "--db", eventstoretest.SQLite(t).URL, "--listen", listen)
	base := "http://" + listen
	await(t, 30*time.Second, "it is ready", func() bool { return answers(base+"/readyz", "") == http.StatusOK })
	if code := posts(t, base+"/api/v1/users", `{"name":"ada","role":"admin","password":"`+password+`"}`, nil); code != http.StatusCreated {
		t.Fatalf("the first user: %d", code)
	}
	var login struct{ Token string }
	if code := posts(t, base+"/api/v1/login", `{"name":"ada","password":"`+password+`"}`, &login); code != http.StatusCreated {
		t.Fatalf("the right password: %d", code)
	}
	token := login.Token
	usual := speed(t, base, token, 200, nil)
	m, head := measured{t, p.Process.Pid}, headOf(t, base, token)
	began, used, before := time.Now(), m.cpu(), m.memory()

	over, statuses := make(chan struct{}), [2]atomic.Int64{}
	var all sync.WaitGroup
	for n := range atOnce {
		all.Go(func() {
			for i := range tries / atOnce {
				name := []string{"ada", "ada", "eve", fmt.Sprint("nobody-", i)}[i%4]
				body := strings.NewReader(fmt.Sprintf(`{"name":%q,"password":"wrong password %d"}`, name, i))
				req, _ := http.NewRequest(http.MethodPost, base+"/api/v1/login", body)
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("X-Forwarded-For", fmt.Sprintf("203.%d.%d.7", n, i))
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode == http.StatusUnauthorized {
					statuses[0].Add(1)
				} else {
					statuses[1].Add(1)
				}
			}
		})
	}
	go func() {
		all.Wait()
		close(over)
	}()
	during := speed(t, base, token, 200, over)
	<-over
	took, cost := time.Since(began), m.cpu()-used
	t.Logf("%d tries in %s: %s of CPU, %d MB more memory; answers p50 %s, p99 %s, before %s and %s",
		tries, took.Round(time.Millisecond), cost, (m.memory()-before)>>20, during[len(during)/2], during[len(during)*99/100], usual[len(usual)/2], usual[len(usual)*99/100])
	if statuses[0].Load() != tries {
		t.Errorf("%d were answered 401, %d otherwise", statuses[0].Load(), statuses[1].Load())
	}
	// Two hashes at once take two cores, if they are there; a request waits for none of them.
	if p50 := during[len(during)/2]; p50 > usual[len(usual)/2]+time.Second {
		t.Errorf("half of the answers took %s, and %s before", p50, usual[len(usual)/2])
	}
	if cost > 3*time.Second+took*6/10 { // a hash for each try takes longer
		t.Errorf("it cost %s of CPU", cost)
	}
	if grown := headOf(t, base, token) - head; grown > 1+int64(took/time.Minute) {
		t.Errorf("the log grew by %d events", grown)
	}
	if more := (m.memory() - before) >> 20; more > 150 {
		t.Errorf("it has %d MB more memory", more)
	}
	if lines := strings.Count(p.out.String(), "logins failed"); lines > 4*(1+int(took/time.Minute)) {
		t.Errorf("%d lines tell of it", lines)
	}
}

func posts(t *testing.T, url, body string, into any) int {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if into != nil {
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode
}

// speed asks for a page of runs so often, or until over is closed, and returns how long
// each answer took, in order of length.
func speed(t *testing.T, base, token string, times int, over <-chan struct{}) (took []time.Duration) {
	t.Helper()
	for n := 0; n < times || over != nil; n++ {
		began := time.Now()
		if code := answers(base+"/api/v1/runs", token); code != http.StatusOK {
			t.Fatalf("a user with a token is answered %d", code)
		}
		took = append(took, time.Since(began))
		select {
		case <-over:
			over, times = nil, 0
		case <-time.After(5 * time.Millisecond):
		}
	}
	slices.Sort(took)
	return took
}

func answers(url, token string) int {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode
}

func headOf(t *testing.T, base, token string) (head int64) {
	t.Helper()
	req, _ := http.NewRequest(http.MethodGet, base+"/api/v1/events?limit=500", nil)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return int64(strings.Count(string(text), `"position"`))
}
