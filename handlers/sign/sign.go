// Package sign signs requests and verifies their signatures, as the specification of
// Standard Webhooks says: an HMAC of SHA-256 over the id, the time and the body. The
// secrets stand in an environment variable, see package secret: one, or two with a
// blank between them while they are exchanged.
package sign

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"scrapelog/handlers/secret"
)

const (
	prefix = "whsec_"
	// leastKey is how many bytes a secret has at least: a shorter one can be guessed by
	// those who see a signature.
	leastKey = 16
)

// Check returns a *secret.Error if the variable holds no secrets to sign with.
func Check(variable string) error {
	_, err := signers(variable)
	return err
}

// Headers sets the headers of a signed body: its id, the time, and a signature for each
// secret of the variable. Without a variable there is no signature. The error is a
// *secret.Error.
func Headers(h http.Header, variable, id string, at time.Time, body []byte) error {
	var signatures []string
	if variable != "" {
		signers, err := signers(variable)
		if err != nil {
			return err
		}
		for _, signer := range signers {
			signature, err := signer.Sign(id, at, body)
			if err != nil {
				return &secret.Error{Variable: variable, Problem: "cannot be signed with"}
			}
			signatures = append(signatures, signature)
		}
	}
	h.Set(webhooks.HeaderWebhookID, id)
	h.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	if len(signatures) > 0 {
		h.Set(webhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	}
	return nil
}

// signers returns a signer for each secret of the variable.
func signers(variable string) (signers []*webhooks.Webhook, err error) {
	secrets, err := secret.Read(variable)
	if err != nil {
		return nil, err
	}
	for text := range strings.FieldsSeq(secrets) {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, prefix))
		if err != nil || len(key) < leastKey {
			return nil, unusable(variable)
		}
		signer, err := webhooks.NewWebhookRaw(key)
		if err != nil {
			return nil, unusable(variable)
		}
		signers = append(signers, signer)
	}
	if len(signers) == 0 {
		return nil, unusable(variable)
	}
	return signers, nil
}

func unusable(variable string) error {
	return &secret.Error{Variable: variable, Problem: fmt.Sprintf(
		"holds no secret to sign with (its value is not repeated here); use %s and 24 to 64 random bytes in base64, such as the output of: echo %s$(openssl rand -base64 32)", prefix, prefix)}
}
