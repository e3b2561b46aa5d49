package eventstore

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Redact returns a database URL as it may be shown: a PostgreSQL URL as user,
// host, port and database, and nothing else, since a password may stand in
// several of its parameters. What is no URL of a database is cut where it could
// begin to hold a secret.
func Redact(raw string) string {
	switch {
	case strings.HasPrefix(raw, "sqlite:"):
		return raw
	case isPostgres(raw):
		cfg, err := parsePostgres(raw)
		if err != nil {
			return "postgres://…"
		}
		return placeOf(cfg)
	}
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		u.RawQuery, u.Fragment, u.RawFragment = "", "", ""
		return u.Redacted()
	}
	if end := strings.IndexAny(raw, ":=@?# \t"); end >= 0 {
		return raw[:end] + "…"
	}
	return raw
}

func isPostgres(raw string) bool {
	return strings.HasPrefix(raw, "postgres://") || strings.HasPrefix(raw, "postgresql://")
}

// parsePostgres reads a PostgreSQL URL. Its errors quote nothing of the URL: in
// one that is malformed any part may be the password.
func parsePostgres(raw string) (*pgx.ConnConfig, error) {
	const encode = "; in a user name or password write : / ? # [ ] @ and % as %3A, %2F, %3F, %23, %5B, %5D, %40 and %25"
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("database: cannot be read as postgres://USER:PASSWORD@HOST:PORT/NAME" + encode)
	}
	odd := func(key string) bool { return strings.ContainsAny(key, "@/:") }
	query, queryErr := url.ParseQuery(u.RawQuery)
	keys := make([]string, 0, len(query))
	for key := range query {
		keys = append(keys, key)
	}
	if u.Fragment != "" || queryErr != nil || u.User == nil && odd(strings.TrimPrefix(u.Path, "/")) || slices.ContainsFunc(keys, odd) {
		return nil, errors.New("database: has characters that must be escaped" + encode)
	}
	cfg, err := pgx.ParseConfig(raw)
	if err == nil {
		return cfg, nil
	}
	return nil, fmt.Errorf("database: %s", parseProblem(err))
}

// parseProblem is what pgx found wrong, without the URL that it quotes.
func parseProblem(err error) string {
	said, ok := errors.AsType[*pgconn.ParseConfigError](err)
	if !ok {
		return "not a valid PostgreSQL URL"
	}
	_, problem, _ := strings.Cut(said.Error(), "`: ") // the quoted URL ends there; it holds no backquote that is not escaped
	if strings.Contains(said.ConnString, "`") || problem == "" {
		return "not a valid PostgreSQL URL"
	}
	return problem
}

// placeOf names a PostgreSQL database: user, hosts and database.
func placeOf(cfg *pgx.ConnConfig) string {
	u := url.URL{Scheme: "postgres", User: url.User(cfg.User), Path: "/" + cfg.Database}
	hosts := hostsOf(&cfg.Config)
	if strings.HasPrefix(cfg.Host, "/") { // the folder of a Unix socket
		u.RawQuery = "host=" + cfg.Host
	} else {
		u.Host = strings.Join(hosts, ",")
	}
	return u.String()
}

func hostsOf(cfg *pgconn.Config) []string {
	port := func(p uint16) string { return strconv.Itoa(int(p)) }
	hosts := []string{net.JoinHostPort(cfg.Host, port(cfg.Port))}
	for _, other := range cfg.Fallbacks {
		if host := net.JoinHostPort(other.Host, port(other.Port)); !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}
