package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore/credentials"
)

// userView is a user as a server or a database has them.
type userView struct {
	credentials.User
	Locked string `json:"locked,omitempty"`
}

func (u userView) state() string {
	switch {
	case u.Locked != "":
		return "locked"
	case u.Disabled:
		return "disabled"
	}
	return "active"
}

func (u userView) show(out *term.Printer) error {
	return out.Facts(u, [2]string{"id", u.ID.String()}, [2]string{"name", u.Name}, [2]string{"role", string(u.Role)},
		[2]string{"state", u.state()}, [2]string{"because", u.Locked})
}

// accounts are the users of a server, or of a database that no server has.
type accounts interface {
	list(ctx context.Context) ([]userView, error)
	add(ctx context.Context, name string, role domain.Role, password string) (userView, error)
	setRole(ctx context.Context, name string, role domain.Role) (userView, error)
	setPassword(ctx context.Context, name, password string) (userView, error)
	disable(ctx context.Context, name string) (userView, error)
	remove(ctx context.Context, name string) error
}

// Users returns "scrapelog users".
func Users() *cobra.Command {
	group := serverGroup(&cobra.Command{
		Use:   "users",
		Short: "Add, list, change and remove the people who may log in",
		Long: `users asks the server. With --db it opens the database instead, while no server runs:
that is how the first admin is added where others can reach the server, and how an
admin who has lost their password gets in again. A new database gets its key where the
configuration (SCRAPELOG_CONFIG or scrapelog.yaml) has it, if that names this database.

Roles: view reads; operate also starts, cancels, pauses and resumes; admin also sets
scrapers, users and tokens. The first user is an admin, and from then on every request
needs a login or a token.`,
	}, newUsersListCmd(), newUsersAddCmd(), newUsersRoleCmd(), newUsersPasswdCmd(), newUsersDisableCmd(), newUsersRemoveCmd())
	group.PersistentFlags().String("db", "", "open this database instead of asking a server: sqlite:PATH or postgres://…")
	return group
}

// among returns an action that calls do with the users of the server or the database.
func among(do func(ctx context.Context, cmd *cobra.Command, a accounts, out *term.Printer, args []string) error) term.Action {
	return func(ctx context.Context, cmd *cobra.Command, out *term.Printer, args []string) error {
		if cmd.Flag("db").Value.String() != "" {
			a, leave, err := openAccounts(ctx, cmd)
			if err != nil {
				return err
			}
			defer leave()
			return do(ctx, cmd, a, out, args)
		}
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		return do(ctx, cmd, ofServer{c}, out, args)
	}
}

// changing is among for what changes one user, who is printed.
func changing(do func(ctx context.Context, cmd *cobra.Command, a accounts, args []string) (userView, error)) term.Action {
	return among(func(ctx context.Context, cmd *cobra.Command, a accounts, out *term.Printer, args []string) error {
		u, err := do(ctx, cmd, a, args)
		if err != nil {
			return err
		}
		return u.show(out)
	})
}

func newUsersListCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Example: "  scrapelog users list",
		Short:   "List users by name",
		RunE: term.Run(among(func(ctx context.Context, _ *cobra.Command, a accounts, out *term.Printer, _ []string) error {
			users, err := a.list(ctx)
			if err != nil {
				return err
			}
			list := out.List("NAME", "ROLE", "STATE", "ID")
			for _, u := range users {
				list.Add(u, u.Name, string(u.Role), u.state(), out.ID(u.ID))
			}
			return list.Close()
		})),
	}
}

func newUsersAddCmd() *cobra.Command {
	var role string
	var fromStdin bool
	cmd := &cobra.Command{
		Use:     "add NAME",
		Example: "  scrapelog users add ada --role admin\n  scrapelog users add bob --role view --password-stdin < password",
		Short:   "Add a user, with a password of 12 to 256 bytes", Args: term.Exactly("NAME"),
		RunE: term.Run(changing(func(ctx context.Context, cmd *cobra.Command, a accounts, args []string) (userView, error) {
			password, err := newPassword(cmd, fromStdin, domain.CheckUserName("NAME", args[0]), domain.Role(role).CheckUser("--role"))
			if err != nil {
				return userView{}, err
			}
			return a.add(ctx, args[0], domain.Role(role), password)
		})),
	}
	cmd.Flags().StringVar(&role, "role", "", "what they may do: view, operate or admin (required)")
	_ = cmd.MarkFlagRequired("role")
	addPasswordFlag(cmd, &fromStdin)
	return cmd
}

// newPassword asks for a password that may be used, unless something else is wrong.
func newPassword(cmd *cobra.Command, fromStdin bool, wrong ...error) (string, error) {
	for _, err := range wrong {
		if err != nil {
			return "", err
		}
	}
	password, err := readPassword(cmd, fromStdin, true)
	if err == nil {
		err = domain.CheckPassword("password", password)
	}
	return password, err
}

func newUsersRoleCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "role NAME ROLE",
		Example: "  scrapelog users role bob operate",
		Short:   "Give a user a role, and let them in again if they were disabled", Args: term.Exactly("NAME", "ROLE"),
		RunE: term.Run(changing(func(ctx context.Context, _ *cobra.Command, a accounts, args []string) (userView, error) {
			if err := domain.Role(args[1]).CheckUser("ROLE"); err != nil {
				return userView{}, err
			}
			return a.setRole(ctx, args[0], domain.Role(args[1]))
		})),
	}
}

func newUsersPasswdCmd() *cobra.Command {
	var fromStdin bool
	cmd := &cobra.Command{
		Use:     "passwd NAME",
		Example: "  scrapelog users passwd bob",
		Short:   "Give a user a password, and end their sessions", Args: term.Exactly("NAME"),
		RunE: term.Run(changing(func(ctx context.Context, cmd *cobra.Command, a accounts, args []string) (userView, error) {
			password, err := newPassword(cmd, fromStdin)
			if err != nil {
				return userView{}, err
			}
			return a.setPassword(ctx, args[0], password)
		})),
	}
	addPasswordFlag(cmd, &fromStdin)
	return cmd
}

func newUsersDisableCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "disable NAME",
		Example: "  scrapelog users disable bob",
		Short:   "Keep a user and their tokens out, until they are given a role again", Args: term.Exactly("NAME"),
		RunE: term.Run(changing(func(ctx context.Context, _ *cobra.Command, a accounts, args []string) (userView, error) {
			return a.disable(ctx, args[0])
		})),
	}
}

func newUsersRemoveCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME",
		Example: "  scrapelog users remove bob",
		Short:   "Erase a user with their sessions and tokens; the log keeps an id", Args: term.Exactly("NAME"),
		RunE: term.Run(among(func(ctx context.Context, _ *cobra.Command, a accounts, out *term.Printer, args []string) error {
			if err := a.remove(ctx, args[0]); err != nil {
				return err
			}
			value := map[string]string{"name": args[0], "state": "removed"}
			return out.Facts(value, [2]string{"name", args[0]}, [2]string{"state", "removed"})
		})),
	}
}

// ofServer are the users of a server.
type ofServer struct{ c *client }

func userPath(name, change string) string { return "/api/v1/users/" + url.PathEscape(name) + change }

func (s ofServer) list(ctx context.Context) ([]userView, error) {
	var answer struct{ Users []userView }
	err := s.c.get(ctx, "/api/v1/users", nil, &answer)
	return answer.Users, err
}

func (s ofServer) add(ctx context.Context, name string, role domain.Role, password string) (u userView, err error) {
	err = s.c.post(ctx, "/api/v1/users", map[string]string{"name": name, "role": string(role), "password": password}, &u)
	return u, err
}

func (s ofServer) setRole(ctx context.Context, name string, role domain.Role) (u userView, err error) {
	err = s.c.post(ctx, userPath(name, "/role"), map[string]string{"role": string(role)}, &u)
	return u, err
}

func (s ofServer) setPassword(ctx context.Context, name, password string) (u userView, err error) {
	err = s.c.post(ctx, userPath(name, "/password"), map[string]string{"password": password}, &u)
	return u, err
}

func (s ofServer) disable(ctx context.Context, name string) (u userView, err error) {
	err = s.c.post(ctx, userPath(name, "/disable"), nil, &u)
	return u, err
}

func (s ofServer) remove(ctx context.Context, name string) error {
	return s.c.none(ctx, http.MethodDelete, userPath(name, ""), nil)
}
