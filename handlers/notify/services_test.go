package notify

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// TestServicesAreThoseOfShoutrrr: all but logger, which prints what it is to send.
func TestServicesAreThoseOfShoutrrr(t *testing.T) {
	for _, name := range (&router.ServiceRouter{}).ListServices() {
		if services[name] == nil && name != "logger" {
			t.Errorf("%s is missing", name)
		}
	}
}

// TestPostedIsTheGenericService: what we post to any URL is what shoutrrr would.
func TestPostedIsTheGenericService(t *testing.T) {
	var seen strings.Builder
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Header.Del("Content-Length")
		seen.WriteString(r.Method + " " + r.RequestURI + "\n")
		_ = r.Header.Write(&seen)
		seen.Write(body)
		if r.URL.Path == "/refuse" {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for _, address := range []string{
		"generic://HOST/a?disabletls=yes", "generic://HOST/a?disabletls=yes&template=json&b=2", "generic://HOST/?disabletls=yes&template=other",
		"generic://HOST/a?disabletls=yes&template=JSON&titlekey=t&messagekey=m&@xAuth=key&$extra=1&method=PUT&contenttype=text/x",
		"generic+http://HOST/b?template=json&q=1&@Authorization=Bearer+x", "generic+http://HOST/refuse",
	} {
		address = strings.Replace(address, "HOST", host, 1)
		theirs, err := (&router.ServiceRouter{}).Locate(address)
		if err != nil {
			t.Fatal(err)
		}
		wantErr := theirs.Send("text", &types.Params{types.TitleKey: "title"})
		want := seen.String()
		seen.Reset()
		ours, at, err := named(address)
		if err == nil {
			err = ours.Initialize(at, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		ours.(*posted).SetHTTPClient(http.DefaultClient)
		err = ours.Send("text", &types.Params{types.TitleKey: "title"})
		if got := seen.String(); got != want || (err == nil) != (wantErr == nil) {
			t.Errorf("%s\nposts %s (%v)\nwant  %s (%v)", address, got, err, want, wantErr)
		}
		seen.Reset()
	}
}
