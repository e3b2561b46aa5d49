package config

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/gate"
)

// withoutLogins is the flag that lets other machines reach a service that does not keep
// them out.
const withoutLogins = "listen-without-logins"

// AddWithoutLoginsFlag adds --listen-without-logins to a command.
func AddWithoutLoginsFlag(cmd *cobra.Command) {
	cmd.Flags().Bool(withoutLogins, false, "let other machines reach --listen without TLS and without an admin: while there are no users, each of them can read the whole log, and start, cancel and pause")
	term.BindEnv(cmd, withoutLogins, "SCRAPELOG_LISTEN_WITHOUT_LOGINS")
}

// AllowsOthers reports whether --listen-without-logins was given.
func AllowsOthers(cmd *cobra.Command) bool {
	f := cmd.Flag(withoutLogins)
	return f != nil && f.Value.String() == "true"
}

// CheckReach refuses an address that other machines reach where what they send, passwords
// included, would cross the network in the clear.
func (c Config) CheckReach() error {
	if c.WithoutLogins || gate.OnlyHere(c.Listen) || c.TLS.Cert != "" || len(c.Proxies) > 0 {
		return nil
	}
	return term.Usagef("listen: other machines reach %s, and passwords would cross the network in the clear; "+
		`use tls: {cert: FILE, key: FILE}, or trusted_proxies: [CIDR] behind a proxy that speaks HTTPS, with an admin (scrapelog users add NAME --role admin --db %s), `+
		"or listen at 127.0.0.1; --%s (listen_without_logins: true) lets everyone in who can reach it",
		c.Listen, eventstore.Redact(c.Database), withoutLogins)
}

// CheckAdmin refuses an address that other machines reach while there is no admin: each of
// them would be one.
func (c Config) CheckAdmin(admin bool) error {
	if admin || c.WithoutLogins || gate.OnlyHere(c.Listen) {
		return nil
	}
	return term.Usagef("listen: other machines reach %s, and there is no admin yet: everyone who reaches it would be one; "+
		`add one first with "scrapelog users add NAME --role admin --db %s", or listen at 127.0.0.1; --%s (listen_without_logins: true) lets everyone in who can reach it`,
		c.Listen, eventstore.Redact(c.Database), withoutLogins)
}

// AddFileFlag adds --config to a command.
func AddFileFlag(cmd *cobra.Command) {
	cmd.Flags().String("config", "", "configuration file (default "+DefaultFile+" if there is one)")
	term.BindEnv(cmd, "config", "SCRAPELOG_CONFIG")
}

// AddDatabaseFlag adds --db to a command and its subcommands.
func AddDatabaseFlag(cmd *cobra.Command) {
	cmd.PersistentFlags().String("db", "", "database: sqlite:PATH or postgres://… (default from the configuration, else "+Default().Database+")")
	term.BindEnv(cmd, "db", "SCRAPELOG_DB")
}

// FromFlags returns the configuration of a command: its flags --config, --listen
// and --db (or their environment variables), over the file, over the defaults.
func FromFlags(cmd *cobra.Command) (Config, error) {
	path := Path(cmd)
	config, err := Load(path)
	if err != nil {
		return Config{}, err
	}
	config.File = path
	config.Listen = term.FlagOr(cmd, "listen", config.Listen)
	config.WithoutLogins = config.WithoutLogins || AllowsOthers(cmd)
	config.Database = term.FlagOr(cmd, "db", config.Database)
	var field *domain.FieldError
	if errors.As(config.Validate(), &field) { // the file was valid, so a flag is not
		flag := map[string]string{"listen": "--listen", "database": "--db"}[field.Field]
		return Config{}, term.Usagef("%s: %s; %s", flag, field.Problem, field.Want)
	}
	return config, nil
}

// Path returns the configuration file of a command; empty: there is none.
func Path(cmd *cobra.Command) string {
	path := term.FlagOr(cmd, "config", os.Getenv("SCRAPELOG_CONFIG"))
	if path == "" && exists(DefaultFile) {
		return DefaultFile
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// DatabaseURL returns the database of a command. It reads the configuration only when
// --db is not given.
func DatabaseURL(cmd *cobra.Command) (string, error) {
	url := cmd.Flag("db").Value.String()
	if url == "" {
		config, err := FromFlags(cmd)
		return config.Database, err
	}
	if !validDatabase(url) {
		return "", term.Usagef("--db: %q is not a database; use sqlite:PATH or postgres://USER@HOST/NAME", eventstore.Redact(url))
	}
	return url, nil
}

// ProofFiles returns the files of the proof of a command's database. The configuration
// names only the files of the database that it configures.
func ProofFiles(cmd *cobra.Command) (proof.Files, error) {
	database, err := DatabaseURL(cmd)
	if err != nil {
		return proof.Files{}, err
	}
	cfg, err := Load(Path(cmd))
	if err != nil || cfg.Database != database {
		return proof.Files{}, err
	}
	return proof.Files{Key: cfg.Audit.Key, Checkpoints: cfg.Audit.Checkpoints}, nil
}
