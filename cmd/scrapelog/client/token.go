package client

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/handlers/gate"
)

// tokenOf returns the token that a command sends to a server: that of --token-file,
// else of SCRAPELOG_TOKEN, of SCRAPELOG_TOKEN_FILE, or of the last login at the server.
// Empty: there is none. A token is refused for a server that is reached without TLS.
func tokenOf(cmd *cobra.Command, server *url.URL) (token string, err error) {
	flag := cmd.Flag("token-file")
	switch {
	case flag != nil && flag.Value.String() != "":
		token, err = readToken(flag.Value.String())
	case os.Getenv("SCRAPELOG_TOKEN") != "":
		token = os.Getenv("SCRAPELOG_TOKEN")
	case os.Getenv("SCRAPELOG_TOKEN_FILE") != "":
		token, err = readToken(os.Getenv("SCRAPELOG_TOKEN_FILE"))
	default:
		var kept keptTokens
		kept, err = readKept()
		token = kept[serverKey(server)]
	}
	if token = strings.TrimSpace(token); token == "" || err != nil {
		return "", err
	}
	if strings.ContainsAny(token, " \r\n\t") {
		return "", term.Usagef("the token is more than one word; give a file that holds only the token")
	}
	return token, mustBePrivate(server)
}

// mustBePrivate refuses to send a secret where others can read it on its way.
func mustBePrivate(server *url.URL) error {
	if server.Scheme == "https" || gate.Loopback(server.Hostname()) {
		return nil
	}
	return term.Failf(term.ErrRefused, "tokens and passwords are not sent over plain HTTP to %s: use https://, or a tunnel to 127.0.0.1", domain.PublicURL(server.String()))
}

func readToken(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", term.Usagef("token file %s: %v", file, term.UnwrapPath(err))
	}
	return string(data), nil
}

// keptTokens are the tokens of logins, by server.
type keptTokens map[string]string

func serverKey(server *url.URL) string {
	return strings.ToLower(server.Scheme + "://" + server.Host + strings.TrimSuffix(server.Path, "/"))
}

func keptFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", term.Usagef("no folder for the configuration of a user: %v; set XDG_CONFIG_HOME, or use SCRAPELOG_TOKEN", err)
	}
	return filepath.Join(dir, "scrapelog", "tokens.json"), nil
}

// readKept reads the tokens of logins. Without a folder or a file there are none.
func readKept() (keptTokens, error) {
	kept := keptTokens{}
	file, err := keptFile()
	if err != nil {
		return kept, nil
	}
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return kept, nil
	}
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		return nil, term.Failf(term.ErrRefused, "%s can be read by other users (mode %04o): run \"chmod 600 %[1]s\"", file, info.Mode().Perm())
	}
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &kept)
	}
	if err != nil {
		return nil, term.Failf(term.ErrUnreachable, "%s: %v; remove it and log in again", file, term.UnwrapPath(err))
	}
	return kept, nil
}

// write replaces the file, which only its owner can read.
func (k keptTokens) write() error {
	file, err := keptFile()
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	err = os.MkdirAll(filepath.Dir(file), 0o700)
	var temp *os.File
	if err == nil {
		temp, err = os.CreateTemp(filepath.Dir(file), "tokens-*") // 0600
	}
	if err == nil {
		_, err = temp.Write(append(data, '\n'))
		err = errors.Join(err, temp.Close())
	}
	if err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return term.Failf(term.ErrUnreachable, "the token cannot be kept in %s: %v", file, term.UnwrapPath(err))
	}
	return nil
}
