package contract

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"scrapelog/handlers/sign"
)

const (
	ourSecret   = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	theirSecret = "whsec_plJ3nmyCDGBKInavdOK15jsl"
)

// verifying answers 401 where verify refuses a POST.
func verifying(verify func(h http.Header, body []byte) error) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = verify(r.Header, body)
		}
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		return false
	}
}

// verified is a scraper behind a verifier.
type verified struct {
	*scraper
	answer func(http.ResponseWriter, *http.Request) bool
}

func (v verified) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !v.answer(w, r) {
		v.scraper.ServeHTTP(w, r)
	}
}

func TestScrapersThatVerifySignatures(t *testing.T) {
	t.Setenv("SCRAPELOG_TEST_OURS", ourSecret)
	t.Setenv("SCRAPELOG_TEST_THEIRS", theirSecret)
	forgetful := func(h http.Header, body []byte) error {
		return (&sign.Verifier{Variable: "SCRAPELOG_TEST_OURS"}).Verify(h, body)
	}
	timeless := func(h http.Header, _ []byte) error {
		if h.Get("webhook-signature") == "" {
			return io.EOF
		}
		return nil
	}
	careful := &sign.Verifier{Variable: "SCRAPELOG_TEST_OURS"}
	other := &sign.Verifier{Variable: "SCRAPELOG_TEST_THEIRS"}
	for name, test := range map[string]struct {
		verify func(http.Header, []byte) error
		want   map[Rule]Result
		says   string
	}{
		"that verifies":       {careful.Verify, map[Rule]Result{RuleHeader: OK, RuleUnsigned: OK, RuleStale: OK, RuleReplayed: OK}, "sent again, is answered 401"},
		"that verifies not":   {func(http.Header, []byte) error { return nil }, map[Rule]Result{RuleHeader: OK, RuleUnsigned: Finding}, "an order without a signature is answered 200"},
		"that forgets":        {forgetful, map[Rule]Result{RuleUnsigned: OK, RuleStale: OK, RuleReplayed: Finding}, "sent again, is answered 200"},
		"that looks no clock": {timeless, map[Rule]Result{RuleUnsigned: OK, RuleStale: Finding}, "six minutes ago is answered 200"},
		"of another secret":   {other.Verify, map[Rule]Result{RuleHeader: Finding, RuleUnsigned: Unseen}, "401 Unauthorized"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := serveHandler(t, verified{&scraper{}, verifying(test.verify)})
			verdicts, err := Check(t.Context(), Target{URL: base + "/scrapes/shop", SignEnv: "SCRAPELOG_TEST_OURS"})
			if err != nil || len(verdicts) != len(rules)+len(signedRules) {
				t.Fatalf("%v: %+v", err, verdicts)
			}
			var said strings.Builder
			for _, v := range verdicts {
				if want, given := test.want[v.Rule]; given && v.Result != want {
					t.Errorf("%+v, want %s", v, want)
				}
				said.WriteString(v.Seen + "\n")
			}
			if !strings.Contains(said.String(), test.says) {
				t.Errorf("%q is not in\n%s", test.says, &said)
			}
		})
	}
}
