package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/eventstore/credentials"
)

// tokenView is a token as a server answers it, with its text where it was made just now.
type tokenView struct {
	credentials.Token
	Text string `json:"token"`
}

// Tokens returns "scrapelog tokens".
func Tokens() *cobra.Command {
	return serverGroup(&cobra.Command{Use: "tokens", Short: "Make, list and revoke the tokens of programs"},
		newTokensAddCmd(), newTokensListCmd(), newTokensRevokeCmd())
}

func newTokensAddCmd() *cobra.Command {
	body := map[string]*string{"role": new(string), "scrapers": new(string), "expires": new(string), "user": new(string)}
	cmd := &cobra.Command{
		Use:     "add NAME",
		Example: "  scrapelog tokens add ci --role operate --scrapers 'shop-*' --expires 90d",
		Short:   "Make a token and print it, this once",
		Long: `add makes a token and prints it on stdout. It is kept nowhere: who loses it makes
another one. NAME says what it is for; where it is the name of a user, the token is
that user's, and else yours. A token may do no more than its user may, and ends with
them.

Roles: view, operate, admin, announce (a worker says that it is up) and metrics (reads
/metrics and /readyz).`,
		Args: term.Exactly("NAME"),
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
			request := map[string]string{"name": args[0]}
			for key, value := range body {
				if *value != "" {
					request[key] = *value
				}
			}
			var t fetched[tokenView]
			if err := c.post(ctx, "/api/v1/tokens", request, &t); err != nil {
				return err
			}
			return printToken(out, t)
		})),
	}
	f := cmd.Flags()
	f.StringVar(body["role"], "role", "", "what it may do: view, operate, admin, announce or metrics (required)")
	f.StringVar(body["scrapers"], "scrapers", "", `a glob of the scrapers that it reaches, such as "shop-*" (default all)`)
	f.StringVar(body["expires"], "expires", "90d", "how long it is valid, at most 365d")
	f.StringVar(body["user"], "user", "", "whose token it is (default: the user NAME, else you)")
	_ = cmd.MarkFlagRequired("role")
	return cmd
}

// printToken prints only the token where a script reads stdout.
func printToken(out *term.Printer, t fetched[tokenView]) error {
	if !out.IsTable() {
		return out.Facts(t)
	}
	if _, err := fmt.Fprintln(out.Out, t.view.Text); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out.Notes, "token %s of the role %s, valid until %s; it is not shown again\n", t.view.ID, t.view.Role, term.Stamp(t.view.ExpiresAt))
	return err
}

func newTokensListCmd() *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use:     "list",
		Example: "  scrapelog tokens list",
		Short:   "List tokens, newest first",
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, _ []string) error {
			query := url.Values{}
			setUnlessEmpty(query, "user", user)
			var answer struct{ Tokens []fetched[tokenView] }
			if err := c.get(ctx, "/api/v1/tokens", query, &answer); err != nil {
				return err
			}
			list := out.List("ID", "NAME", "ROLE", "SCRAPERS", "EXPIRES", "LAST USED", "REVOKED")
			for _, t := range answer.Tokens {
				v := t.view
				list.Add(t, v.ID, v.Name, string(v.Role), v.Scrapers, out.Stamp(v.ExpiresAt), out.Stamp(v.LastUsedAt), out.Stamp(v.RevokedAt))
			}
			return list.Close()
		})),
	}
	cmd.Flags().StringVar(&user, "user", "", "only this user's")
	return cmd
}

func newTokensRevokeCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID",
		Example: "  scrapelog tokens revoke 4f2a1b2c",
		Short:   "End a token, at once",
		Args:    term.Exactly("ID"),
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
			if err := c.none(ctx, http.MethodDelete, "/api/v1/tokens/"+url.PathEscape(args[0]), nil); err != nil {
				return err
			}
			value := map[string]string{"id": args[0], "state": "revoked"}
			return out.Facts(value, [2]string{"id", args[0]}, [2]string{"state", "revoked"})
		})),
	}
}
