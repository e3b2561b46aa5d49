package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	netmail "net/mail"
	netsmtp "net/smtp"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/email/smtp"

	"scrapelog/handlers/egress"
)

// letter is a mail. The id is the same at each attempt.
type letter struct{ id, subject, text string }

// mail sends a letter to the mail server of a URL of shoutrrr, which has parsed it.
// shoutrrr itself cannot send it: its client takes no dialler, and resolves the name
// again after the address was checked.
func mail(ctx context.Context, rules func() egress.Rules, config *smtp.Config, l letter) error {
	config.FixEmailTags()
	conn, err := egress.Dialer{Rules: rules}.DialContext(ctx, "tcp", net.JoinHostPort(config.Host, strconv.FormatUint(uint64(config.Port), 10)))
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	client, err := greet(conn, config)
	if err != nil {
		return err
	}
	var errs []error
	for _, to := range config.ToAddresses {
		if err := hand(client, config, to, l); err != nil {
			errs = append(errs, err)
			_ = client.Reset()
		}
	}
	_ = client.Quit() // what was delivered stays delivered
	return errors.Join(errs...)
}

// greet opens a session: with TLS and a login where the configuration has them.
func greet(conn net.Conn, config *smtp.Config) (*netsmtp.Client, error) {
	secure := &tls.Config{ServerName: config.Host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: config.SkipTLSVerify}
	implicit := config.Encryption == smtp.EncImplicitTLS || config.Encryption == smtp.EncAuto && config.Port == smtp.ImplicitTLSPort
	if implicit {
		conn = tls.Client(conn, secure)
	}
	client, err := netsmtp.NewClient(conn, config.Host)
	if err != nil {
		return nil, err
	}
	own := config.ClientHost
	if own == "auto" {
		own, _ = os.Hostname()
	}
	if err := client.Hello(own); err != nil {
		return nil, err
	}
	if config.UseStartTLS && !implicit {
		offered, _ := client.Extension("STARTTLS")
		switch {
		case offered:
			err = client.StartTLS(secure)
		case config.RequireStartTLS:
			err = errors.New("the mail server does not offer STARTTLS")
		}
		if err != nil {
			return nil, err
		}
	}
	if auth := login(config); auth != nil {
		if err := client.Auth(auth); err != nil {
			return nil, err
		}
	}
	return client, nil
}

func login(config *smtp.Config) netsmtp.Auth {
	switch config.Auth {
	case smtp.AuthPlain:
		return netsmtp.PlainAuth("", config.Username, config.Password, config.Host)
	case smtp.AuthCRAMMD5:
		return netsmtp.CRAMMD5Auth(config.Username, config.Password)
	case smtp.AuthOAuth2:
		return smtp.OAuth2Auth(config.Username, config.Password)
	case smtp.AuthNone, smtp.AuthUnknown: // no login is configured
	}
	return nil
}

// hand gives the server one letter.
func hand(client *netsmtp.Client, config *smtp.Config, to string, l letter) error {
	if err := client.Mail(config.FromAddress); err != nil {
		return err
	}
	if err := client.Rcpt(to); err != nil {
		return err
	}
	data, err := client.Data()
	if err != nil {
		return err
	}
	from := netmail.Address{Name: config.FromName, Address: config.FromAddress}
	header := []string{
		"From: " + from.String(), "To: " + to, "Subject: " + l.subject, "Date: " + time.Now().Format(time.RFC1123Z), fmt.Sprintf("Message-ID: <%s@scrapelog>", l.id),
		"MIME-Version: 1.0", `Content-Type: text/plain; charset="UTF-8"`, "Content-Transfer-Encoding: 8bit",
	}
	if _, err := io.WriteString(data, strings.Join(header, "\r\n")+"\r\n\r\n"+l.text); err != nil {
		return err
	}
	return data.Close()
}
