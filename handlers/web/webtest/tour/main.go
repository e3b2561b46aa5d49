// Command tour takes the pictures of docs/tour.md and of the README, into docs/pictures. It
// runs bin/scrapelog demo for some minutes, kills its worker twice, and looks at the pages.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"scrapelog/handlers/web/webtest/browser"
)

const (
	address = "127.0.0.1:18097"
	folder  = "docs/pictures"
	calm    = 4 * time.Minute // before each kill
	width   = 1160
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	data, err := os.MkdirTemp("", "tour")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	demo := exec.Command("bin/scrapelog", "demo", "--data", filepath.Join(data, "data"), "--listen", address)
	demo.Env = append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(data, "state"))
	out, err := demo.StdoutPipe()
	if err == nil {
		err = demo.Start()
	}
	if err != nil {
		return err
	}
	defer func() { _ = demo.Wait() }()
	defer func() { _ = demo.Process.Signal(os.Interrupt) }()
	tab, stop := browser.Start(context.Background(), chromedp.Env("TZ=UTC"))
	defer stop()
	return visit(tab, out)
}

// visit kills the worker twice, and takes the pictures of the second time.
func visit(tab context.Context, out io.Reader) error {
	pids := make(chan int)
	go follow(out, pids)
	for range 2 {
		for begin := time.Now(); time.Since(begin) < calm; {
			<-pids
		}
		pid := <-pids
		if err := open(tab, "/"); err != nil {
			return err
		}
		time.Sleep(5 * time.Second)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return err
		}
	}
	go func() { // what the demo goes on to say
		for range pids {
		}
	}()
	time.Sleep(3 * time.Second)
	for _, dark := range []bool{false, true} { // the worker is away for ten seconds
		if err := take(tab, map[bool]string{false: "kill", true: "kill-dark"}[dark], 605, dark); err != nil {
			return err
		}
	}
	time.Sleep(28 * time.Second) // the worker is back, and the new run complete
	lost, err := first("/api/v1/runs?status=connection_failed&scraper=full-catalogue&limit=1")
	if err != nil {
		return err
	}
	outage, err := first("/api/v1/outages?limit=1")
	if err != nil {
		return err
	}
	// What the button Verify now sends, so that the page has a verdict.
	if res, err := http.PostForm("http://"+address+"/audit/verify", nil); err != nil || res.Body.Close() != nil {
		return err
	}
	time.Sleep(3 * time.Second)
	for _, shot := range []struct {
		name, path string
		height     int64
	}{{"overview", "/", 560}, {"run", "/runs/" + lost, 700}, {"outage", "/outages/" + outage, 620}, {"proof", "/audit", 418}} {
		if err := open(tab, shot.path); err != nil {
			return err
		}
		time.Sleep(2 * time.Second) // fonts and lanes
		if err := take(tab, shot.name, shot.height, false); err != nil {
			return err
		}
	}
	return nil
}

// follow sends the process that the demo says to kill, each time it says so.
func follow(out io.Reader, pids chan<- int) {
	command := regexp.MustCompile(`kill -9 (\d+)`)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if found := command.FindStringSubmatch(lines.Text()); found != nil {
			pid, _ := strconv.Atoi(found[1])
			pids <- pid
		}
	}
}

// first returns the id of the first item of a list.
func first(path string) (id string, err error) {
	res, err := http.Get("http://" + address + path)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var list map[string]json.RawMessage
	if err := json.NewDecoder(res.Body).Decode(&list); err != nil {
		return "", err
	}
	for _, items := range list {
		var found []struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(items, &found) == nil && len(found) > 0 {
			return found[0].ID, nil
		}
	}
	return "", fmt.Errorf("%s lists nothing", path)
}

func open(tab context.Context, path string) error {
	return chromedp.Do(tab, chromedp.Navigate("http://"+address+path))
}

func take(tab context.Context, name string, height int64, dark bool) error {
	size := emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1}
	capture := func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
		if _, err := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, size); err != nil {
			return nil, err
		}
		time.Sleep(300 * time.Millisecond)
		r, err := cdp.Call(ctx, t, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng})
		return r.Data, err
	}
	view := browser.View{Width: width, Dark: dark, Still: true}
	if err := chromedp.Do(tab, view.Set()); err != nil {
		return err
	}
	picture, err := chromedp.Run(tab, chromedp.Action[[]byte](capture))
	if err == nil {
		picture, err = shrink(picture)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Println(name, len(picture)>>10, "KB")
	return os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644)
}
