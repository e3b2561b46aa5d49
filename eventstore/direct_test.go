package eventstore_test

import (
	"errors"
	"strings"
	"testing"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// TestPoolersAreRefused: through pgbouncer, however it is set, a log is not opened
// for writing, and the error says what is needed.
func TestPoolersAreRefused(t *testing.T) {
	const ignored = "ignore_startup_parameters = application_name,default_transaction_isolation,idle_in_transaction_session_timeout," +
		"jit,lock_timeout,synchronous_commit,tcp_keepalives_idle,tcp_keepalives_interval,tcp_keepalives_count," +
		"default_transaction_read_only,plan_cache_mode,enable_bitmapscan,extra_float_digits"
	for name, c := range map[string]struct {
		settings   []string
		parameters string // of the URL, beside
		why        string
	}{
		"session mode":                             {[]string{"pool_mode = session"}, "", "unsupported startup parameter"},
		"transaction mode":                         {[]string{"pool_mode = transaction"}, "", "unsupported startup parameter"},
		"session mode, parameters ignored":         {[]string{"pool_mode = session", ignored}, "", "was set to"},
		"transaction mode, parameters ignored":     {[]string{"pool_mode = transaction", ignored}, "", "was set to"},
		"transaction mode, settings of the user":   {[]string{"pool_mode = transaction", ignored}, "&lock_timeout=4s&idle_in_transaction_session_timeout=14s", "session"},
		"transaction mode, one connection for all": {[]string{"pool_mode = transaction", ignored, "default_pool_size = 1"}, "&lock_timeout=4s&idle_in_transaction_session_timeout=14s", "two sessions"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := eventstoretest.Pooler(t, eventstoretest.Postgres(t).URL, c.settings...) + c.parameters
			_, err := open(t, url)
			if !errors.Is(err, eventstore.ErrIndirect) || errors.Is(err, eventstore.ErrUnavailable) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), "needs a direct connection") || !strings.Contains(err.Error(), c.why) || strings.ContainsAny(err.Error(), "\n\t") {
				t.Errorf("it says %v", err)
			}
			t.Log(err)
		})
	}
}

// TestSchemaOfTheSearchPath: everything is in the schema that the URL names, and one
// that is not there is named.
func TestSchemaOfTheSearchPath(t *testing.T) {
	db := eventstoretest.Postgres(t)
	for _, parameter := range []string{"&search_path=app", "&options=-csearch_path%3Dapp"} {
		if _, err := open(t, db.URL+parameter); !errors.Is(err, eventstore.ErrUnavailable) || !strings.Contains(err.Error(), "no schema of search_path (app)") {
			t.Errorf("%s: %v", parameter, err)
		}
	}
}
