package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"scrapelog/cmd/scrapelog/serve"
	"scrapelog/cmd/scrapelog/term"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
)

// Files in the demo's folder.
const (
	databaseFile = "scrapelog.db"
	serverFile   = "scrapelog.yaml"
	workerFile   = "worker.yaml"
	workerLog    = "worker.log"
	serverLog    = "server.log"
	itemsFile    = "items.ndjson"
	portsFile    = "ports" // addresses of worker and shops, to be the same again
	lockFile     = "demo.lock"
)

const anyPort = "127.0.0.1:0"

// slowPage is the response time of the slow shop, which has ten pages.
const slowPage = 1400 * time.Millisecond

const serverConfig = `# Written by "scrapelog demo" at every start.
listen: %[1]q
database: %[2]q
shutdown_grace: 3s
scrapers:
  - name: new-arrivals
    url: http://%[3]s/scrapes/new-arrivals
    schedule: "@every 20s"
  - name: prices
    url: http://%[3]s/scrapes/prices
    schedule: "@every 30s"
  - name: full-catalogue
    url: http://%[3]s/scrapes/full-catalogue
    schedule: "@every 45s"
`

const workerConfig = `# Written by "scrapelog demo" at every start.
listen: %[1]q
beat: 1s
announce: http://%[2]s/api/v1/announce
scrapes:
  - name: new-arrivals
    html:
      platforms:
        - {name: alder, start: "http://%[3]s/alder/"}
%[4]s
  - name: prices
    html:
      platforms:
        - {name: alder, start: "http://%[3]s/alder/"}
        - {name: birch, start: "http://%[3]s/birch/"}
%[4]s
  - name: full-catalogue
    html:
      platforms:
        - {name: alder, start: "http://%[3]s/alder/"}
        - {name: birch, start: "http://%[3]s/birch/"}
        - {name: cedar, start: "http://%[3]s/cedar/"}
%[4]s
`

// workerRules are the same for every shop.
const workerRules = `      item: li.product
      fields: {sku: "@data-sku", name: h2, link: "a@href", price: .price, stock: .stock}
      next: a[rel=next]
      rate: 5
      output: %q`

// prepare makes and locks the folder, and writes the configuration of server and
// worker. It writes nothing when the server's address is busy.
func (d *demo) prepare(ctx context.Context) (unlock func(), err error) {
	if d.listen, err = unused(ctx, d.listen); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(d.data, 0o700); err != nil {
		return nil, term.Failf(term.ErrUnreachable, "%s: %v", d.data, term.UnwrapPath(err))
	}
	unlock, err = lockFolder(d.path(lockFile))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(d.setAside(ctx), d.settle(ctx)); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// setAside serves a person who removed the demo's folder to begin again: what was
// signed about the log in it is kept elsewhere, for good reason, and would be
// held against the new one.
func (d *demo) setAside(ctx context.Context) error {
	if _, err := os.Stat(d.path(databaseFile)); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	store, err := eventstore.Open(ctx, eventstore.Config{URL: d.database()})
	if err != nil {
		return err
	}
	files, err := proof.FilesOf(ctx, store, proof.Files{})
	if err := errors.Join(err, store.Close()); err != nil {
		return err
	}
	folder := filepath.Dir(files.Key)
	aside := folder + time.Now().UTC().Format("-until-20060102T150405Z")
	err = os.Rename(folder, aside)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		d.say("A new log: the proof of the one that was here before is kept in %s\n", aside)
	}
	return err
}

func (d *demo) database() string { return "sqlite:" + d.absolute(databaseFile) }

// settle chooses the addresses of the last start, or free ones if those are busy.
func (d *demo) settle(ctx context.Context) error {
	last, _ := os.ReadFile(d.path(portsFile))
	before := append(strings.Fields(string(last)), anyPort, anyPort)
	var err error
	if d.worker, err = unused(ctx, before[0]); err != nil {
		if d.worker, err = unused(ctx, anyPort); err != nil {
			return err
		}
	}
	if d.shops, err = serve.Listen(ctx, before[1]); err != nil {
		d.shops, err = serve.Listen(ctx, anyPort)
	}
	if err != nil {
		return err
	}
	return d.write()
}

func (d *demo) write() error {
	rules := fmt.Sprintf(workerRules, d.absolute(itemsFile))
	files := map[string]string{
		portsFile:  fmt.Sprintf("%s %s\n", d.worker, d.shops.Addr()),
		serverFile: fmt.Sprintf(serverConfig, d.listen, d.database(), d.worker),
		workerFile: fmt.Sprintf(workerConfig, d.worker, d.listen, d.shops.Addr(), rules),
	}
	for name, text := range files {
		if err := os.WriteFile(d.path(name), []byte(text), 0o600); err != nil {
			return term.Failf(term.ErrUnreachable, "%s: %v", d.path(name), term.UnwrapPath(err))
		}
	}
	return nil
}

func (d *demo) path(name string) string { return filepath.Join(d.data, name) }

func (d *demo) absolute(name string) string {
	path, err := filepath.Abs(d.path(name))
	if err != nil {
		return d.path(name)
	}
	return path
}

// unused returns an address that is free for the worker to listen at. A socket opened
// here and passed on would accept connections for a dead worker.
func unused(ctx context.Context, address string) (string, error) {
	listener, err := serve.Listen(ctx, address)
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// lockFolder keeps a second demo from using the folder.
func lockFolder(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, term.Failf(term.ErrUnreachable, "%s: %v", path, term.UnwrapPath(err))
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		file.Close()
		return nil, term.Failf(term.ErrRefused, "%s is in use by another demo; end it, or choose another folder with --data", filepath.Dir(path))
	case err != nil:
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return func() { file.Close() }, nil
}
