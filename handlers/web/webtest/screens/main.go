// Command screens takes pictures of the pages, in every look of
// webtest.Shots, into the folder pictures, which git ignores. Fonts differ from
// machine to machine, so people look at the pictures and no test compares them.
package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/labstack/echo/v4"

	"scrapelog/handlers/web/assets"
	"scrapelog/handlers/web/webtest"
	"scrapelog/handlers/web/webtest/browser"
)

func main() {
	if err := run("pictures"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	e := echo.New()
	webtest.RegisterStories(e)
	e.GET(assets.Prefix+"*", echo.WrapHandler(assets.Handler()))
	server := httptest.NewServer(e)
	defer server.Close()
	tab, stop := browser.Start(context.Background())
	defer stop()
	for _, shot := range webtest.Shots() {
		picture, err := take(tab, server.URL, shot)
		if err != nil {
			return fmt.Errorf("%s: %w", shot.Name(), err)
		}
		if err := os.WriteFile(filepath.Join(folder, shot.Name()+".png"), picture, 0o644); err != nil {
			return err
		}
		fmt.Println(shot.Name(), len(picture)>>10, "KB")
	}
	return nil
}

func take(tab context.Context, base string, shot webtest.Shot) ([]byte, error) {
	// Ages count from the time of the story, whenever the picture is taken.
	still := chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		source := fmt.Sprintf("Date.now = () => %d", webtest.Now.UnixMilli())
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: source})
		return err
	})
	view := browser.View{Width: shot.Width(), Dark: strings.HasPrefix(shot.Look, "dark"), Deuteranopia: shot.Look == "deuteranopia", Still: true}
	if err := chromedp.Do(tab, still, chromedp.Navigate(base+shot.Path()), view.Set()); err != nil {
		return nil, err
	}
	return chromedp.Run(tab, chromedp.FullScreenshot(100))
}
