// Package browser drives the Chromium that looks at the pages: in tests, and to
// take the pictures of webtest/screens.
package browser

import (
	"context"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Start starts a browser with one tab; chromedp.NewContext(tab) opens more. It
// ends with the context or by stop. It also runs as root, as in a container.
// More options follow its own.
func Start(ctx context.Context, more ...chromedp.ExecAllocatorOption) (tab context.Context, stop func()) {
	flags := chromedp.DefaultExecAllocatorOptions[:]
	for _, name := range []string{
		"no-sandbox", "disable-gpu", "disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "hide-scrollbars",
	} {
		flags = append(flags, chromedp.Flag(name, true))
	}
	flags = append(flags, chromedp.WindowSize(1280, 800), chromedp.Env("TZ="+Zone))
	parent, stopBrowser := chromedp.NewExecAllocator(ctx, append(flags, more...)...)
	tab, stopTab := chromedp.NewContext(parent)
	return tab, func() {
		stopTab()
		stopBrowser()
	}
}

// Zone is the browser's time zone: none that a server is likely to have.
const Zone = "Asia/Kolkata"

// View is how a page is looked at.
type View struct {
	Width        int64 // 0: as wide as the browser is
	Dark         bool
	Still        bool // reduced motion is asked for
	Print        bool
	Deuteranopia bool // an eye that does not tell red from green
}

// settled is how long colours take to follow a change of the scheme. Before it,
// contrasts are those of neither.
const settled = 600 * time.Millisecond

// Set makes the tab look at pages in this way, from now on.
func (v View) Set() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, v.media()); err != nil {
			return err
		}
		vision := emulation.SetEmulatedVisionDeficiencyParams{Type: emulation.SetEmulatedVisionDeficiencyTypeNone}
		if v.Deuteranopia {
			vision.Type = emulation.SetEmulatedVisionDeficiencyTypeDeuteranopia
		}
		if _, err := cdp.Call(ctx, t, emulation.SetEmulatedVisionDeficiency, vision); err != nil {
			return err
		}
		if v.Width > 0 {
			metrics := emulation.SetDeviceMetricsOverrideParams{Width: v.Width, Height: 800, DeviceScaleFactor: 1}
			if _, err := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, metrics); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(settled):
			return nil
		}
	})
}

func (v View) media() emulation.SetEmulatedMediaParams {
	scheme, motion, media := "light", "no-preference", ""
	if v.Dark {
		scheme = "dark"
	}
	if v.Still {
		motion = "reduce"
	}
	if v.Print {
		media = "print"
	}
	return emulation.SetEmulatedMediaParams{Media: media, Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion},
	}}
}
