package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/gate"
)

// withoutLogins is the flag that lets other machines in, as long as nobody has
// to log in.
const withoutLogins = "listen-without-logins"

func addWithoutLoginsFlag(cmd *cobra.Command) {
	cmd.Flags().Bool(withoutLogins, false, "let other machines reach --listen: with no logins yet, whoever does reads the whole log, and starts, cancels and pauses")
	term.BindEnv(cmd, withoutLogins, "SCRAPELOG_LISTEN_WITHOUT_LOGINS")
}

// allowsOthers says whether the flag was given.
func allowsOthers(cmd *cobra.Command) bool {
	f := cmd.Flag(withoutLogins)
	return f != nil && f.Value.String() == "true"
}

// checkReach refuses an address that other machines reach, unless that is meant.
func checkReach(address string, meant bool) error {
	if meant || gate.OnlyHere(address) {
		return nil
	}
	return term.Usagef("listen: other machines reach %s, and there are no logins yet: whoever does reads the whole log, and starts, cancels and pauses; "+
		"use 127.0.0.1, or --%s (listen_without_logins: true) if that is meant", address, withoutLogins)
}

// addConfigFlag gives a command its --config.
func addConfigFlag(cmd *cobra.Command) {
	cmd.Flags().String("config", "", "configuration file (default "+defaultConfigFile+" if there is one)")
	term.BindEnv(cmd, "config", "SCRAPELOG_CONFIG")
}

// addDBFlag gives a command its --db.
func addDBFlag(cmd *cobra.Command) {
	cmd.PersistentFlags().String("db", "", "database: sqlite:PATH or postgres://… (default from the configuration, else "+DefaultConfig().Database+")")
	term.BindEnv(cmd, "db", "SCRAPELOG_DB")
}

// loadSettings is the configuration of a command: its flags --config, --listen
// and --db (or their environment variables), over the file, over the defaults.
func loadSettings(cmd *cobra.Command) (Config, error) {
	config, err := LoadConfig(configPath(cmd))
	if err != nil {
		return Config{}, err
	}
	config.Listen = term.FlagOr(cmd, "listen", config.Listen)
	config.WithoutLogins = config.WithoutLogins || allowsOthers(cmd)
	config.Database = term.FlagOr(cmd, "db", config.Database)
	var field *domain.FieldError
	if errors.As(config.Validate(), &field) { // the file was valid, so a flag is not
		flag := map[string]string{"listen": "--listen", "database": "--db"}[field.Field]
		return Config{}, term.Usagef("%s: %s; %s", flag, field.Problem, field.Want)
	}
	return config, nil
}

// configPath is the configuration file of a command; empty: there is none.
func configPath(cmd *cobra.Command) string {
	path := term.FlagOr(cmd, "config", os.Getenv("SCRAPELOG_CONFIG"))
	if path == "" && exists(defaultConfigFile) {
		return defaultConfigFile
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// databaseURL reads the configuration only where --db does not say it all.
func databaseURL(cmd *cobra.Command) (string, error) {
	url := cmd.Flag("db").Value.String()
	if url == "" {
		config, err := loadSettings(cmd)
		return config.Database, err
	}
	if !validDatabase(url) {
		return "", term.Usagef("--db: %q is not a database; use sqlite:PATH or postgres://USER@HOST/NAME", eventstore.Redact(url))
	}
	return url, nil
}
