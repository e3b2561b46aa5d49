package eventstoretest

import (
	"bytes"
	"context"
	"errors"
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

// cluster starts the private cluster at its first use.
var cluster = sync.OnceValues(func() (string, error) {
	if server := os.Getenv(serverVariable); server != "" {
		return server, nil
	}
	return started.start()
})

var started privateCluster

// Main runs the tests and then ends the private cluster, if one was started.
func Main(m *testing.M) int {
	defer started.end()
	return m.Run()
}

type privateCluster struct {
	dir     string
	process *exec.Cmd
	done    chan error
}

func (c *privateCluster) start() (server string, err error) {
	bin, err := serverBinaries()
	if err != nil {
		return "", err
	}
	as, err := clusterUser()
	if err != nil {
		return "", err
	}
	if c.dir, err = os.MkdirTemp("", "scrapelog-postgres-"); err != nil {
		return "", err
	}
	if as != nil {
		if err := os.Chown(c.dir, int(as.Uid), int(as.Gid)); err != nil {
			return "", err
		}
	}
	data := filepath.Join(c.dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = c.dir, &syscall.SysProcAttr{Credential: as}
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	var output bytes.Buffer
	c.process = exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=300",
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=64MB")
	c.process.Dir, c.process.SysProcAttr = c.dir, &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGQUIT}
	c.process.Stdout, c.process.Stderr = &output, &output
	if err := c.launch(); err != nil {
		return "", err
	}
	server = "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable"
	if err := c.await(server); err != nil {
		c.end()
		return "", fmt.Errorf("%w\n%s", err, output.Bytes())
	}
	return server, nil
}

// launch starts the server from a thread that lives as long as the process: the
// kernel ends a child with Pdeathsig when the thread that made it ends.
func (c *privateCluster) launch() error {
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

func (c *privateCluster) await(server string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		conn, err := pgx.Connect(ctx, server)
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

func (c *privateCluster) end() {
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
