package main_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

var pointInTime = flag.Bool("pointintime", false, "run TestBackToAPointInTime, which makes a PostgreSQL cluster; make restore does")

// TestBackToAPointInTime recovers a cluster of PostgreSQL to a moment, as
// docs/howto/backup.md says: what was before is there, what came after is not, and nothing
// of what was before is run again.
func TestBackToAPointInTime(t *testing.T) {
	if !*pointInTime {
		t.Skip("makes a PostgreSQL cluster with an archive; make restore runs it")
	}
	commands, settings := documented(t, "PostgreSQL, to any point in time")
	backups := t.TempDir()
	for _, folder := range []string{filepath.Dir(backups), backups, filepath.Join(backups, "wal")} { // the server writes there
		_ = os.Mkdir(folder, 0o777)
		if err := os.Chmod(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	here := func(text string) string { return strings.ReplaceAll(text, "/backups", backups) }
	var archive []string
	for line := range strings.Lines(here(settings[0])) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		archive = append(archive, name+"="+strings.Trim(value, "'"))
	}
	cluster, err := eventstoretest.StartCluster(archive...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.End)
	url, err := cluster.CreateDatabase(t.Context(), "scrapelog_test_moment")
	if err != nil {
		t.Fatal(err)
	}
	s := &restoring{world: newWorld(t, eventstoretest.Database{Dialect: eventstore.Postgres, URL: url}, "every 1s", "auth: {loopback: open}\n"), after: map[string]bool{}}
	s.serve()
	s.sh(here(commands[0]))
	s.lives()
	moment := s.now(url, `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00')`)
	s.underLoad(s.goesOn)
	last := s.now(url, `SELECT pg_walfile_name(pg_switch_wal())`)
	await(t, 30*time.Second, "the log is archived", func() bool {
		return s.now(url, `SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver`) >= last
	})
	s.server.kill()
	if err := cluster.Recover(filepath.Join(backups, "base"), strings.ReplaceAll(here(settings[1]), "2026-11-28 12:00:00+00", moment)); err != nil {
		t.Fatal(err)
	}
	await(t, 30*time.Second, "the cluster takes writes", func() bool { return s.now(url, `SELECT pg_is_in_recovery()::text`) == "false" })
	s.sh(here(commands[1]))
	s.serve()
	s.isAsItWas("back to noon")
}

func (s *restoring) now(url, question string) (answer string) {
	s.Helper()
	conn, err := pgx.Connect(s.Context(), url)
	if err == nil {
		err = conn.QueryRow(s.Context(), question).Scan(&answer)
		_ = conn.Close(s.Context())
	}
	if err != nil {
		s.Fatal(err)
	}
	return answer
}
