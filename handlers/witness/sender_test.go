package witness

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/eventstore/proof"
	"scrapelog/handlers/witness/witnesstest"
)

// scripted answers for a witness, without a network.
type scripted func(*http.Request) (*http.Response, error)

func (s scripted) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

func answering(status int, body string) scripted {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func (s *sealed) sender(w proof.Witness, client *http.Client) *Sender {
	s.Helper()
	sender := &Sender{Log: s.store, Files: s.sealer.Files, Witnesses: []proof.Witness{w}, Client: client, Logger: slog.New(slog.DiscardHandler)}
	if err := sender.Begin(s.Context()); err != nil {
		s.Fatal(err)
	}
	return sender
}

// TestPeopleAreToldOfAWitness: of a refusal at once and in the witness's words, of silence
// after a while, both until the witness signs, and over a restart.
func TestPeopleAreToldOfAWitness(t *testing.T) {
	h, w := newHonest(t)
	s := newSealed(t, "")
	s.knows(h)
	s.append("ann", 3)
	client := &http.Client{Transport: answering(503, "overloaded\n")}
	sender := s.sender(w, client)
	told := func(want ...string) {
		t.Helper()
		troubles := sender.Troubles()
		if len(want) == 0 && len(troubles) == 0 {
			return
		}
		if says := troubles[want[0]]; len(troubles) != 1 || says == "" || !strings.Contains(says, want[1]) {
			t.Errorf("%q, want %q", troubles, want)
		}
	}
	sender.send(t.Context(), w, false)
	told()
	if state := sender.States()[0]; !strings.Contains(state.Says, "503: overloaded") || state.Refused || time.Since(state.Since) > time.Minute {
		t.Errorf("%+v", state)
	}
	silent := sender.states[w.Name]
	silent.Since = silent.Since.Add(-time.Hour)
	sender.states[w.Name] = silent
	sender.send(t.Context(), w, false)
	told("witness honest does not sign the log", "503: overloaded")

	for says, answer := range map[string]scripted{
		"404 unknown log": answering(404, "unknown log\n"), "403 invalid signature": answering(403, "invalid signature\n"),
		"bad consistency proof": answering(422, "bad consistency proof\n"), "of 99 events": answering(409, "99\n"), "from the 3 events that the witness has signed (409 3)": answering(409, "3\n"),
		"another root": func(r *http.Request) (*http.Response, error) {
			if body, _ := io.ReadAll(r.Body); strings.HasPrefix(string(body), "old 0\n") {
				return answering(409, "3\n")(r)
			}
			return answering(409, "another root\n")(r)
		},
	} {
		client.Transport = answer
		sender.send(t.Context(), w, false)
		told("witness honest refuses the log", says)
		sender = s.sender(w, client)
		told("witness honest refuses the log", "itness honest")
	}

	client.Transport = nil
	sender.send(t.Context(), w, false)
	told()
	sender = s.sender(w, client)
	told()
	if state := sender.States()[0]; state.Size != 3 || state.At.Unix() != witnesstest.Stamp {
		t.Errorf("%+v", state)
	}
	if r := s.verify(w); r.Verdict != proof.Intact || len(r.Witnessed) != 2 {
		t.Errorf("%s %+v", r.Text(), r.Witnessed)
	}
}

// TestHostileWitnesses: none of them makes more of us than an error that can be read.
func TestHostileWitnesses(t *testing.T) {
	h, w := newHonest(t)
	s := newSealed(t, "")
	s.knows(h)
	s.append("ann", 3)
	endless := func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(neverEnding('x'))}, nil
	}
	for name, answer := range map[string]scripted{
		"a megabyte":             answering(200, strings.Repeat("— x AAAA\n", 1<<17)),
		"an answer without end":  endless,
		"garbage":                answering(200, "\x00\xff\x1b[2J"),
		"a redirect":             answering(307, "elsewhere"),
		"a size below zero":      answering(409, "-1\n"),
		"a size that is none":    answering(409, "1e3\n"),
		"a conflict without end": answering(409, "0\n"),
		"a refusal in colours":   answering(403, "\x1b[31mno\x1b[0m\u202e"+strings.Repeat("no ", 9999)),
	} {
		_, _, err := Ask(t.Context(), &http.Client{Transport: answer, CheckRedirect: NewClient(nil).CheckRedirect}, s.store, w)
		if err == nil || len(err.Error()) > 1000 {
			t.Errorf("%s: %.2000v", name, err)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\x1b\u202e\x00") {
			t.Errorf("%s: %q", name, err)
		}
	}
}

type neverEnding byte

func (b neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

// TestASlowWitness: one that sends a byte now and then is given up after 10 seconds.
func TestASlowWitness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		drips := func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(dripping{r})}, nil
		}
		begun := time.Now()
		_, err := Submit(t.Context(), &http.Client{Transport: scripted(drips)}, proof.Witness{Name: "slow", URL: "http://slow/"}, "log\n1\nx\n\n— a b\n", 1,
			func(int64) (tlog.TreeProof, error) { return nil, nil })
		if took := time.Since(begun); err == nil || !strings.Contains(err.Error(), "witness slow does not answer") || took != answerTimeout {
			t.Errorf("%v after %s", err, took)
		}
	})
}

// dripping is a body of which a byte comes each second, until the request is given up.
type dripping struct{ *http.Request }

func (d dripping) Read(p []byte) (int, error) {
	select {
	case <-d.Context().Done():
		return 0, context.Cause(d.Context())
	case <-time.After(time.Second):
		return copy(p, "x"), nil
	}
}

// TestTwoInstancesHaveOneWitness: each sends what it sees, and both copies hold.
func TestTwoInstancesHaveOneWitness(t *testing.T) {
	h, w := newHonest(t)
	s := newSealed(t, "")
	s.knows(h)
	senders := []*Sender{s.sender(w, http.DefaultClient), s.sender(w, http.DefaultClient)}
	for i := range 6 {
		s.append("ann", i+1)
		for _, sender := range senders {
			sender.send(t.Context(), w, false)
			if got := sender.States()[0]; got.Says != "" || got.Size != s.events {
				t.Fatalf("%+v", got)
			}
		}
	}
	if r := s.verify(w); r.Verdict != proof.Intact {
		t.Error(r.Text())
	}
}
