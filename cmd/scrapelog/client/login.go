package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	xterm "golang.org/x/term"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
)

// Login returns "scrapelog login".
func Login() *cobra.Command {
	var user string
	var fromStdin bool
	cmd := &cobra.Command{
		Use:     "login",
		Example: "  scrapelog login --user ada\n  scrapelog login --server https://scrapelog.example.org --user ada",
		Short:   "Keep a token for a server, by name and password",
		Long: `login asks the server for a token of 30 days and keeps it, for this server, in a file
that only you can read: tokens.json in the folder scrapelog of your configuration
folder. Every command sends it to this server from then on, unless --token-file or
SCRAPELOG_TOKEN say otherwise. While a server has no users, no login is needed.`,
	}
	cmd.RunE = term.Run(func(ctx context.Context, cmd *cobra.Command, out *term.Printer, _ []string) error {
		if user == "" {
			return term.Usagef("login: --user is missing; name the user who logs in")
		}
		return login(ctx, cmd, out, user, fromStdin)
	})
	cmd.Flags().StringVar(&user, "user", "", "the name of the user")
	addPasswordFlag(cmd, &fromStdin)
	term.AddDataFlags(cmd)
	addServerFlag(cmd)
	return cmd
}

func login(ctx context.Context, cmd *cobra.Command, out *term.Printer, user string, fromStdin bool) error {
	server, err := serverURL(cmd.Flag("server").Value.String())
	if err == nil {
		err = mustBePrivate(server)
	}
	if err != nil {
		return err
	}
	kept, err := readKept()
	if err != nil {
		return err
	}
	password, err := readPassword(cmd, fromStdin, false)
	if err != nil {
		return err
	}
	c, err := newClient(cmd)
	if err != nil {
		return err
	}
	c.token = "" // a new one is asked for
	var answer tokenView
	if err := c.post(ctx, "/api/v1/login", map[string]string{"name": user, "password": password}, &answer); err != nil {
		return err
	}
	kept[serverKey(server)] = answer.Text
	if err := kept.write(); err != nil {
		return err
	}
	return out.Facts(struct {
		Server    string      `json:"server"`
		User      string      `json:"user"`
		Role      domain.Role `json:"role"`
		Token     string      `json:"token_id"`
		ExpiresAt time.Time   `json:"expires_at"`
	}{c.shown, user, answer.Role, answer.ID, answer.ExpiresAt},
		[2]string{"server", c.shown}, [2]string{"user", user}, [2]string{"role", string(answer.Role)},
		[2]string{"token", answer.ID}, [2]string{"expires", term.Stamp(answer.ExpiresAt)})
}

// Logout returns "scrapelog logout".
func Logout() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "logout",
		Example: "  scrapelog logout",
		Short:   "Revoke and forget the token that login keeps for a server",
		RunE:    func(cmd *cobra.Command, _ []string) error { return logout(cmd.Context(), cmd) },
	}
	addServerFlag(cmd)
	return cmd
}

func logout(ctx context.Context, cmd *cobra.Command) error {
	server, err := serverURL(cmd.Flag("server").Value.String())
	if err != nil {
		return err
	}
	kept, err := readKept()
	if err != nil {
		return err
	}
	c, err := newClient(cmd)
	if err != nil {
		return err
	}
	if c.token = kept[serverKey(server)]; c.token == "" {
		_, err := fmt.Fprintf(cmd.ErrOrStderr(), "not logged in at %s\n", c.shown)
		return err
	}
	err = c.none(ctx, http.MethodPost, "/api/v1/logout", nil)
	if err != nil && !errors.Is(err, term.ErrRefused) { // a token that is not valid has ended
		return err
	}
	delete(kept, serverKey(server))
	return kept.write()
}

func addPasswordFlag(cmd *cobra.Command, fromStdin *bool) {
	cmd.Flags().BoolVar(fromStdin, "password-stdin", false, "read the password from stdin, its first line")
}

// readPassword reads a password from the terminal, where it is not shown, or from stdin.
func readPassword(cmd *cobra.Command, fromStdin, twice bool) (string, error) {
	if fromStdin {
		line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", term.Usagef("--password-stdin: %v", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	stdin, ok := cmd.InOrStdin().(*os.File)
	if !ok || !xterm.IsTerminal(int(stdin.Fd())) {
		return "", term.Usagef("%s: stdin is no terminal that could ask for the password; use --password-stdin", term.CommandName(cmd))
	}
	first, err := askPassword(cmd, stdin, "Password: ")
	if err != nil || !twice {
		return first, err
	}
	again, err := askPassword(cmd, stdin, "Again: ")
	if err == nil && first != again {
		err = term.Usagef("the two passwords differ")
	}
	return first, err
}

func askPassword(cmd *cobra.Command, stdin *os.File, prompt string) (string, error) {
	fmt.Fprint(cmd.ErrOrStderr(), prompt)
	text, err := xterm.ReadPassword(int(stdin.Fd()))
	fmt.Fprintln(cmd.ErrOrStderr())
	return string(text), err
}
