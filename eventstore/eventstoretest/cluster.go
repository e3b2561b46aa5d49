package eventstoretest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// serverVariable names a server to use, as a URL whose user may create databases.
const serverVariable = "SCRAPELOG_TEST_POSTGRES"

var processID = os.Getpid()

// shared starts the cluster of this process's tests at its first use. Tests need
// no durability; benchmarks measure with the server's defaults.
var shared = sync.OnceValues(func() (string, error) {
	if server := os.Getenv(serverVariable); server != "" {
		return server, nil
	}
	settings := []string{"fsync=off", "full_page_writes=off", "shared_buffers=64MB"}
	if bench := flag.Lookup("test.bench"); bench != nil && bench.Value.String() != "" {
		settings = nil
	}
	var err error
	started, err = StartCluster(settings...)
	if err != nil {
		return "", err
	}
	return started.URL, nil
})

var started *Cluster

// Main runs the tests and then ends the private cluster, if one was started.
func Main(m *testing.M) int {
	defer func() {
		if started != nil {
			started.End()
		}
	}()
	return m.Run()
}

// Cluster is a private PostgreSQL server in a folder of its own, which ends with
// this process.
type Cluster struct {
	URL string // of its first database, as a user that may do everything

	bin, dir, data, port string
	as                   *syscall.Credential
	process              *exec.Cmd
	done                 chan error
}

// StartCluster makes and starts a server, with these settings ("fsync=off") and
// else the defaults of PostgreSQL, durability among them.
func StartCluster(settings ...string) (*Cluster, error) {
	c := &Cluster{}
	if err := c.make(); err != nil {
		c.End()
		return nil, err
	}
	if err := c.start(settings); err != nil {
		c.End()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) make() (err error) {
	if c.bin, err = serverBinaries(); err != nil {
		return err
	}
	if c.as, err = clusterUser(); err != nil {
		return err
	}
	if c.dir, err = os.MkdirTemp("", "scrapelog-postgres-"); err != nil {
		return err
	}
	if c.as != nil {
		if err := os.Chown(c.dir, int(c.as.Uid), int(c.as.Gid)); err != nil {
			return err
		}
	}
	c.data = filepath.Join(c.dir, "data")
	initdb := exec.Command(filepath.Join(c.bin, "initdb"), "-D", c.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = c.dir, &syscall.SysProcAttr{Credential: c.as}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (c *Cluster) start(settings []string) (err error) {
	if c.port == "" {
		if c.port, err = freePort(); err != nil {
			return err
		}
	}
	args := []string{"-D", c.data, "-p", c.port}
	for _, setting := range append([]string{"listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300"}, settings...) {
		args = append(args, "-c", setting)
	}
	var output bytes.Buffer
	c.process = exec.Command(filepath.Join(c.bin, "postgres"), args...)
	c.process.Dir, c.process.SysProcAttr = c.dir, endsWithTests(c.as)
	c.process.Stdout, c.process.Stderr = &output, &output
	if err := c.launch(); err != nil {
		return err
	}
	c.URL = c.DatabaseURL("postgres")
	if err := c.await(); err != nil {
		return fmt.Errorf("%w\n%s", err, output.Bytes())
	}
	return nil
}

// Program returns the path of one of PostgreSQL's programs, such as pg_dump.
func Program(name string) (string, error) {
	bin, err := serverBinaries()
	return filepath.Join(bin, name), err
}

// Program is the path of one of the server's programs, such as pg_dump.
func (c *Cluster) Program(name string) string { return filepath.Join(c.bin, name) }

// launch starts the server from a thread that lives as long as the process: the
// kernel ends a child with Pdeathsig when the thread that made it ends.
func (c *Cluster) launch() error {
	begun := make(chan error, 1)
	c.done = make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err := c.process.Start()
		begun <- err
		if err == nil {
			c.done <- c.process.Wait()
		}
	}()
	return <-begun
}

func (c *Cluster) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		conn, err := pgx.Connect(ctx, c.URL)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case end := <-c.done:
			c.done <- end
			return fmt.Errorf("postgres ended: %w", errors.Join(end, err))
		case <-ctx.Done():
			return fmt.Errorf("postgres did not come up: %w", err)
		case <-retry.C:
		}
	}
}

// CreateDatabase makes an empty database and returns its URL.
func (c *Cluster) CreateDatabase(ctx context.Context, name string) (string, error) {
	conn, err := pgx.Connect(ctx, c.URL)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	return c.DatabaseURL(name), nil
}

// DatabaseURL is the URL of a database of this server.
func (c *Cluster) DatabaseURL(name string) string {
	return "postgres://postgres@127.0.0.1:" + c.port + "/" + name + "?sslmode=disable"
}

// End stops the server and removes its folder.
func (c *Cluster) End() {
	if c.process != nil && c.process.Process != nil {
		_ = c.process.Process.Signal(syscall.SIGQUIT) // nothing in it is to be kept
		<-c.done
		c.process = nil
	}
	if c.dir != "" {
		_ = os.RemoveAll(c.dir)
	}
}

// serverBinaries is where the newest installed server has its programs; Debian
// does not put them on the path.
func serverBinaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err != nil { // the others lie where it is itself
			return "", err
		}
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.Join(fmt.Errorf("initdb: %w", fs.ErrNotExist), err)
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return majorVersion(a) - majorVersion(b) })
	return filepath.Dir(newest), nil
}

func majorVersion(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb)))) // an odd name sorts first
	return n
}

// clusterUser is whom the server runs as: ourselves, or postgres if we are root,
// which the server refuses.
func clusterUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
