package notify

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/egress"
	"scrapelog/handlers/egress/egresstest"
)

func aNotice(t *testing.T) outbox.Notice {
	t.Helper()
	content, err := encode("failing.started", time.Now(), data{Title: "shop is failing", Text: "shop: failed, the login page has changed", URL: "https://scrapelog.example/runs/1"})
	if err != nil {
		t.Fatal(err)
	}
	return outbox.Notice{ID: uuid.New(), Type: "failing.started", Body: content}
}

func open(t *testing.T, channel Channel, rules egress.Rules) receiver {
	t.Helper()
	channel.Name = "ops"
	channels, err := Open(Config{To: []Channel{channel}}, func() egress.Rules { return rules })
	if err != nil {
		t.Fatal(err)
	}
	return channels.inForce().receivers["ops"]
}

func TestWhatAWebhookAnswers(t *testing.T) {
	var followed bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body) // a server notices that its client has left only after that
		switch r.URL.Path {
		case "/ok":
			w.WriteHeader(http.StatusAccepted)
		case "/moved":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case "/elsewhere":
			followed = true
		case "/limited":
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusTooManyRequests)
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		case "/hangs":
			<-r.Context().Done()
		}
	}))
	defer server.Close()
	for path, want := range map[string]string{
		"/ok": "", "/moved": "answered with HTTP 307 Temporary Redirect; redirects are refused",
		"/limited": "answered with HTTP 429 Too Many Requests; try again after 2m0s",
		"/broken":  "answered with HTTP 500 Internal Server Error", "/hangs": "did not answer in time",
	} {
		t.Setenv("HOOK", server.URL+path)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		if path == "/hangs" {
			ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
		}
		err := open(t, Channel{WebhookEnv: "HOOK"}, egress.Rules{}).send(ctx, aNotice(t))
		cancel()
		if got := fmt.Sprint(err); got != want && (want != "" || err != nil) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if followed {
		t.Error("a redirect was followed")
	}
}

func TestChannelsKeepTheEgressRules(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a denied address was connected to") }))
	defer server.Close()
	at := strings.TrimPrefix(server.URL, "http://")
	denied := egress.Rules{Deny: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	t.Setenv("HOOK", server.URL)
	t.Setenv("NTFY", "ntfy://"+at+"/topic?scheme=http")
	t.Setenv("MAIL", "smtp://"+at+"/?from=a@example.org&to=b@example.org&usestarttls=no")
	t.Setenv("METADATA", "http://169.254.169.254/latest")
	for name, channel := range map[string]Channel{
		"webhook": {WebhookEnv: "HOOK"}, "ntfy": {ShoutrrrEnv: "NTFY"}, "mail": {ShoutrrrEnv: "MAIL"}, "metadata": {WebhookEnv: "METADATA"},
	} {
		err := open(t, channel, denied).send(t.Context(), aNotice(t))
		if err == nil || !strings.Contains(err.Error(), "egress rules refuse the address") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// addresses are those of channels at a host, by what they are: every service of shoutrrr
// whose host and port are configured, each with its own way to connect.
var addresses = map[string]string{
	"webhook": "http://%s/", "ntfy": "ntfy://%s/topic?scheme=http", "gotify": "gotify://%s/Aaa.bbb.ccc.ddd?disabletls=yes",
	"mattermost": "mattermost://scrapelog@%s/token?disabletls=yes", "matrix": "matrix://user:password@%s/?disableTLS=yes",
	"rocketchat": "rocketchat://%s/aaaa/bbbb", "signal": "signal://%s/+15550001/+15550002?disabletls=yes",
	"bark": "bark://:key@%s/?scheme=http", "generic": "generic://%s/?disabletls=yes", "opsgenie": "opsgenie://%s/eb243592-faa2-4ba2-a551-1afdf565c889",
	"smtp": "smtp://%s/?from=a@example.org&to=b@example.org&usestarttls=no",
}

// sendTo returns what sends a notice to a service at the host of a URL.
func sendTo(t *testing.T, service string, rules egress.Rules) egresstest.Connect {
	return func(ctx context.Context, url string) error {
		t.Setenv("ADDRESS", fmt.Sprintf(addresses[service], strings.TrimPrefix(url, "http://")))
		channel := Channel{ShoutrrrEnv: "ADDRESS"}
		if service == "webhook" {
			channel = Channel{WebhookEnv: "ADDRESS"}
		}
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		return open(t, channel, rules).send(ctx, aNotice(t))
	}
}

func TestNoChannelReachesAForbiddenAddress(t *testing.T) {
	for _, service := range []string{"webhook", "ntfy", "smtp"} { // the others cut or wrap the error, or take no IPv6
		t.Run(service, func(t *testing.T) { egresstest.Refuses(t, sendTo(t, service, egress.Rules{})) })
	}
	t.Run("webhook, by names", func(t *testing.T) { egresstest.RefusesNames(t, sendTo(t, "webhook", egress.Rules{})) })
}

// A listener counts the connections of each service: there are some, and none if the rules
// refuse its address.
func TestEachServiceConnectsThroughTheRules(t *testing.T) {
	var connections atomic.Int64
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			_ = conn.Close()
		}
	}()
	denied := egress.Rules{Deny: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for service := range addresses {
		if err := sendTo(t, service, denied)(t.Context(), "http://"+listener.Addr().String()); err == nil || connections.Load() != 0 {
			t.Errorf("%s connects where it may not: %v", service, err)
		}
		err := sendTo(t, service, egress.Rules{})(t.Context(), "http://"+listener.Addr().String())
		await(t, fmt.Sprintf("%s connects where it may: %v", service, err), func() bool { return connections.Load() > 0 })
		connections.Store(0)
	}
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not in time: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// A mail server's name may resolve differently the second time, too.
func TestAMailServerWhoseNameChanges(t *testing.T) {
	server, mails := mailServer(t)
	_, port, _ := net.SplitHostPort(server)
	egresstest.Resolver(t, map[string][][]string{"rebinds.test.": {{"127.0.0.1"}, {"169.254.169.254"}}})
	send := sendTo(t, "smtp", egress.Rules{})
	if err := send(t.Context(), "http://rebinds.test:"+port); err != nil || !strings.Contains(<-mails, "To: b@example.org") {
		t.Fatal(err)
	}
	egresstest.Denied(t, "the second time", send(t.Context(), "http://rebinds.test:"+port))
	if len(mails) != 0 {
		t.Error("a second mail was sent")
	}
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	now := time.Date(2026, 11, 1, 2, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "30": 30 * time.Second, "-1": 0, "soon": 0, "999999": time.Hour,
		"Sun, 01 Nov 2026 02:05:00 GMT": 5 * time.Minute, "Sun, 01 Nov 2026 01:00:00 GMT": 0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

// mailServer takes mails as RFC 5321 has it, and returns each on a channel.
func mailServer(t *testing.T) (addr string, mails <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	out := make(chan string, 10)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveMail(conn, out)
		}
	}()
	return listener.Addr().String(), out
}

func serveMail(conn net.Conn, out chan<- string) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	say := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") }
	say("220 mail.example ESMTP")
	for lines.Scan() {
		switch verb, _, _ := strings.Cut(lines.Text(), " "); verb {
		case "EHLO":
			say("250-mail.example")
			say("250 8BITMIME")
		case "RCPT":
			if strings.Contains(lines.Text(), "nobody@") {
				say("550 5.1.1 no such user")
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go on")
			var mail strings.Builder
			for lines.Scan() && lines.Text() != "." {
				mail.WriteString(lines.Text() + "\n")
			}
			out <- mail.String()
			say("250 queued")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func TestMail(t *testing.T) {
	addr, mails := mailServer(t)
	t.Setenv("MAIL", "smtp://"+addr+"/?from=scrapelog@example.org&to=ops@example.org&usestarttls=no")
	if err := open(t, Channel{ShoutrrrEnv: "MAIL"}, egress.Rules{}).send(t.Context(), aNotice(t)); err != nil {
		t.Fatal(err)
	}
	mail := <-mails
	for _, want := range []string{"Subject: shop is failing", "To: ops@example.org", "the login page has changed", "https://scrapelog.example/runs/1"} {
		if !strings.Contains(mail, want) {
			t.Errorf("%q is not in the mail:\n%s", want, mail)
		}
	}
	t.Setenv("MAIL", "smtp://"+addr+"/?from=scrapelog@example.org&to=nobody@example.org&usestarttls=no")
	err := open(t, Channel{ShoutrrrEnv: "MAIL"}, egress.Rules{}).send(t.Context(), aNotice(t))
	if err == nil || !strings.Contains(err.Error(), "no such user") || strings.Contains(err.Error(), "nobody@") {
		t.Errorf("a mail to nobody: %v", err)
	}
}

// pushed is what a service received.
type pushed struct {
	path, title, body string
}

func TestNtfyAndSlack(t *testing.T) {
	got := make(chan pushed, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		got <- pushed{r.URL.Path, r.Header.Get("Title"), string(content)}
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	at := strings.TrimPrefix(server.URL, "http://")
	t.Setenv("NTFY", "ntfy://"+at+"/topic?scheme=http")
	if err := open(t, Channel{ShoutrrrEnv: "NTFY"}, egress.Rules{}).send(t.Context(), aNotice(t)); err != nil {
		t.Fatal(err)
	}
	if p := <-got; p.path != "/topic" || p.title != "shop is failing" || !strings.Contains(p.body, "the login page has changed") {
		t.Errorf("ntfy received %+v", p)
	}
	// Mattermost takes the format of Slack's webhooks, at an address of one's own.
	t.Setenv("CHAT", "mattermost://scrapelog@"+at+"/hidden-token?disabletls=yes")
	if err := open(t, Channel{ShoutrrrEnv: "CHAT"}, egress.Rules{}).send(t.Context(), aNotice(t)); err != nil {
		t.Fatal(err)
	}
	p := <-got
	var message struct{ Text, Username string }
	if err := json.Unmarshal([]byte(p.body), &message); err != nil || p.path != "/hooks/hidden-token" || !strings.Contains(message.Text, "the login page has changed") {
		t.Errorf("the chat received %+v", p)
	}
}

func TestErrorsOfShoutrrrShowNoSecret(t *testing.T) {
	for _, address := range []string{
		"slack://hook:SECRETAAA-SECRETBBB-SECRETCCCSECRETCCCSECRET@webhook", "telegram://123456789:SECRETTOKEN@telegram?chats=SECRETCHAT",
		"smtp://user:SECRETWORD@127.0.0.1:1/?from=a@example.org&to=b@example.org", "ntfy://user:SECRETWORD@127.0.0.1:1/SECRETTOPIC?scheme=http",
		"discord://SECRETTOKEN@123456", "gotify://127.0.0.1:1/SECRETTOKEN", "generic://127.0.0.1:1/SECRETPATH?disabletls=yes", "matrix://user:SECRETWORD@127.0.0.1:1/?disableTLS=yes",
		"smtp://SECRET WORD/%zz", "pushover://shoutrrr:SECRETTOKEN@SECRETUSER",
	} {
		t.Setenv("CHANNEL", address)
		denied := egress.Rules{Deny: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err := open(t, Channel{ShoutrrrEnv: "CHANNEL"}, denied).send(ctx, aNotice(t))
		cancel()
		if err == nil || strings.Contains(strings.ToUpper(err.Error()), "SECRET") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
