package sign

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"scrapelog/handlers/secret"
)

// Address returns the URL of a webhook, which a variable holds. The error is a
// *secret.Error and does not repeat it.
func Address(variable string) (string, error) {
	address, err := secret.Read(variable)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return "", &secret.Error{Variable: variable, Problem: "holds no URL of a webhook (its value is not repeated here); use https://…"}
	}
	return address, nil
}

// Post sends JSON to a webhook, signed with the secrets of a variable if there is one. What
// the client returns without an error has been taken. An error does not have the address,
// which is a secret.
func Post(ctx context.Context, client *http.Client, address, variable, id string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("its URL cannot be parsed")
	}
	request.GetBody = nil // otherwise net/http may send it twice
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "scrapelog")
	if err := Headers(request.Header, variable, id, time.Now(), body); err != nil { // the time is that of the attempt
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return Harmless(err)
	}
	return answer.Body.Close()
}

// Harmless returns an error of a request without its URL, which is a secret.
func Harmless(err error) error {
	if at, ok := errors.AsType[*url.Error](err); ok {
		if at.Timeout() {
			return errors.New("did not answer in time")
		}
		return at.Err
	}
	return err
}
