package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore/credentials"
	"scrapelog/handlers/problem"
)

// setupLife is how long a setup link is valid.
const setupLife = 15 * time.Minute

// setup is the file of a setup link.
type setup struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

// WriteSetup writes a file that only its owner can read, with the token of a setup link:
// the page /setup makes the first admin of the person who has it, once and within 15 minutes.
func WriteSetup(file string) error {
	data, err := json.MarshalIndent(setup{rand.Text(), time.Now().Add(setupLife).UTC().Truncate(time.Second)}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	return errors.Join(err, f.Close())
}

// SetUp makes the first admin, if the token is that of the setup link.
func (a *Access) SetUp(r *http.Request, token, name, password string) (credentials.User, int64, error) {
	if !a.limits.take(loginKeys(r, "")[1:]) || !a.validSetup(token) {
		return credentials.User{}, 0, problem.New(problem.Login, "the setup link is not valid, was used, or is older than 15 minutes")
	}
	if a.users.Load() {
		return credentials.User{}, 0, problem.New(problem.Conflict, "there are users already; an admin adds others")
	}
	u, position, err := a.AddUser(r.Context(), "setup", name, domain.RoleAdmin, password)
	if err != nil {
		return u, 0, err
	}
	if err := os.Remove(a.SetupFile); err != nil {
		return u, position, fmt.Errorf("the admin was added, but the setup link stays: %w", err)
	}
	return u, position, nil
}

func (a *Access) validSetup(token string) bool {
	if a.SetupFile == "" {
		return false
	}
	data, err := os.ReadFile(a.SetupFile)
	var s setup
	return err == nil && json.Unmarshal(data, &s) == nil && s.Token != "" && time.Now().Before(s.ExpiresAt) &&
		subtle.ConstantTimeCompare([]byte(s.Token), []byte(token)) == 1
}
