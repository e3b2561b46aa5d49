package sign

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"scrapelog/domain"
)

const (
	one = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	two = "whsec_plJ3nmyCDGBKInavdOK15jsl"
)

// The vector of the specification of Standard Webhooks.
func TestTheSpecificationsVector(t *testing.T) {
	t.Setenv("SECRET", one)
	h := http.Header{}
	err := Headers(h, "SECRET", "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if got, want := h.Get("webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("%v: %s, want %s", err, got, want)
	}
}

func TestWhatIsVerified(t *testing.T) {
	t.Setenv("SECRET", two+" "+one) // while two is introduced
	for name, test := range map[string]struct {
		secrets string // of the signer; empty: none
		id      string
		age     time.Duration
		change  func(h http.Header, body []byte)
		refused string
	}{
		"the old secret":              {secrets: one, id: "r1"},
		"the new secret":              {secrets: two, id: "r1"},
		"both":                        {secrets: one + " " + two, id: "r1"},
		"a file's line end":           {secrets: one + "\n", id: "r1"},
		"a minute ago":                {secrets: one, id: "r1", age: time.Minute},
		"five minutes ago":            {secrets: one, id: "r1", age: Tolerance},
		"five minutes ahead":          {secrets: one, id: "r1", age: -Tolerance},
		"another secret":              {secrets: "whsec_" + strings.Repeat("AAAA", 8), id: "r1", refused: "both sides must have the same secret"},
		"no signature":                {id: "r1", refused: "it has no header webhook-signature"},
		"too old":                     {secrets: one, id: "r1", age: Tolerance + time.Second, refused: "signed 5m1s ago"},
		"too new":                     {secrets: one, id: "r1", age: -Tolerance - time.Second, refused: "signed 5m1s ahead"},
		"an id with a dot":            {secrets: one, id: "r.1", refused: "webhook-id is not"},
		"an empty id":                 {secrets: one, refused: "webhook-id is not"},
		"a long id":                   {secrets: one, id: strings.Repeat("a", 129), refused: "webhook-id is not"},
		"another body":                {secrets: one, id: "r1", change: func(_ http.Header, body []byte) { body[0] = '[' }, refused: "does not fit"},
		"another id":                  {secrets: one, id: "r1", change: func(h http.Header, _ []byte) { h.Set("webhook-id", "r2") }, refused: "does not fit"},
		"no id":                       {secrets: one, id: "r1", change: func(h http.Header, _ []byte) { h.Del("webhook-id") }, refused: "no header webhook-id"},
		"two ids":                     {secrets: one, id: "r1", change: func(h http.Header, _ []byte) { h.Add("webhook-id", "r2") }, refused: "twice"},
		"another time":                {secrets: one, id: "r1", age: time.Minute, change: now, refused: "does not fit"},
		"no time":                     {secrets: one, id: "r1", change: func(h http.Header, _ []byte) { h.Set("webhook-timestamp", "soon") }, refused: "not a number"},
		"the end of time":             {secrets: one, id: "r1", change: func(h http.Header, _ []byte) { h.Set("webhook-timestamp", "9223372036854775807") }, refused: "5m0s is the most"},
		"the beginning of time":       {secrets: one, id: "r1", change: func(h http.Header, _ []byte) { h.Set("webhook-timestamp", "-9223372036854775808") }, refused: "5m0s is the most"},
		"a signature of a version v2": {secrets: one, id: "r1", change: func(h http.Header, _ []byte) { h.Set("webhook-signature", "v2"+h.Get("webhook-signature")[2:]) }, refused: "does not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SIGNERS", test.secrets)
			synctest.Test(t, func(t *testing.T) {
				h, body, variable := http.Header{}, []byte(`{"run_id":"r1"}`), "SIGNERS"
				if test.secrets == "" {
					variable = ""
				}
				if err := Headers(h, variable, test.id, time.Now().Add(-test.age), body); err != nil {
					t.Fatal(err)
				}
				if test.change != nil {
					test.change(h, body)
				}
				err := (&Verifier{Variable: "SECRET"}).Verify(h, body)
				var refused *RefusedError
				if test.refused == "" && err != nil || test.refused != "" && (!errors.As(err, &refused) || !strings.Contains(refused.Why, test.refused)) {
					t.Errorf("%v, want %q", err, test.refused)
				}
			})
		})
	}
}

func now(h http.Header, _ []byte) { h.Set("webhook-timestamp", fmt.Sprint(time.Now().Unix())) }

// A signature from the future is valid for ten minutes, and the id must be known as long.
func TestAnIDIsTakenOnceWhileItsSignatureIsValid(t *testing.T) {
	t.Setenv("SECRET", one)
	synctest.Test(t, func(t *testing.T) {
		v, h, body := &Verifier{Variable: "SECRET"}, http.Header{}, []byte("{}")
		other := http.Header{}
		if err := Headers(other, "SECRET", "r0", time.Now(), body); err != nil || v.Verify(other, body) != nil {
			t.Fatal("the first request was refused")
		}
		time.Sleep(remembered - time.Second) // nearly the end of the first set
		if err := Headers(h, "SECRET", "r1", time.Now().Add(Tolerance), body); err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(h, body); err != nil {
			t.Fatal(err)
		}
		var refused *RefusedError
		for range 20 {
			if err := v.Verify(h, body); !errors.As(err, &refused) || refused.Why != "a request with this webhook-id has come before" {
				t.Fatalf("it was taken again: %v", err)
			}
			time.Sleep(2 * Tolerance / 20)
		}
		time.Sleep(time.Second)
		if err := v.Verify(h, body); !errors.As(err, &refused) || !strings.Contains(refused.Why, "ago") {
			t.Errorf("it is never too old: %v", err)
		}
		time.Sleep(3 * remembered)
		if err := Headers(h, "SECRET", "r2", time.Now(), body); err != nil || v.Verify(h, body) != nil || len(v.recent)+len(v.before) != 1 {
			t.Errorf("ids are never forgotten: %d and %d", len(v.recent), len(v.before))
		}
	})
}

func TestIDsAreBounded(t *testing.T) {
	t.Setenv("SECRET", one)
	v := &Verifier{Variable: "SECRET", remembered: 3}
	sent := func(id string) error {
		h := http.Header{}
		if err := Headers(h, "SECRET", id, time.Now(), nil); err != nil {
			t.Fatal(err)
		}
		return v.Verify(h, nil)
	}
	for i := range 3 {
		if err := sent(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := sent("3"); !errors.Is(err, ErrTooMany) {
		t.Errorf("one too many: %v", err)
	}
	h := http.Header{}
	_ = Headers(h, "", "r9", time.Now(), nil)
	h.Set("webhook-signature", "v1,AAAA")
	for i := range 100 { // what is not signed takes no place
		h.Set("webhook-id", fmt.Sprint("unsigned", i))
		_ = v.Verify(h, nil)
	}
	if len(v.recent) != 3 {
		t.Errorf("%d ids are remembered", len(v.recent))
	}
}

func TestTwoAtOnceAreOne(t *testing.T) {
	t.Setenv("SECRET", one)
	v, h := &Verifier{Variable: "SECRET"}, http.Header{}
	if err := Headers(h, "SECRET", "r1", time.Now(), nil); err != nil {
		t.Fatal(err)
	}
	var taken atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if v.Verify(h, nil) == nil {
				taken.Add(1)
			}
		})
	}
	if all.Wait(); taken.Load() != 1 {
		t.Errorf("it was taken %d times", taken.Load())
	}
}

func TestSecretsThatNothingCanBeSignedWith(t *testing.T) {
	for name, value := range map[string]string{
		"none": " ", "no base64": "whsec_CANARY!", "empty": "whsec_", "short": "whsec_" + base64.StdEncoding.EncodeToString([]byte("CANARY")),
		"one of two": one + " CANARY!",
	} {
		t.Setenv("SECRET", value)
		if err := Check("SECRET"); !errors.Is(err, domain.ErrInvalid) || strings.Contains(err.Error(), "CANARY") || !strings.Contains(err.Error(), "environment variable SECRET holds no secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Check("SCRAPELOG_TEST_UNSET"); err == nil || !strings.Contains(err.Error(), "SCRAPELOG_TEST_UNSET_FILE") {
		t.Errorf("not set: %v", err)
	}
	path := filepath.Join(t.TempDir(), "secret")
	t.Setenv("KEPT_FILE", path)
	for _, content := range []string{one, two + "\n" + one + "\n"} { // read again when it changes
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil || Check("KEPT") != nil {
			t.Errorf("from a file: %v, %v", err, Check("KEPT"))
		}
	}
}
