// Command look serves the pages with canned data, to be looked at:
//
//	go run ./handlers/web/webtest/look            the story; /dev/stories has all of its states
//	go run ./handlers/web/webtest/look -empty     before anything has happened
//	go run ./handlers/web/webtest/look -mute      live updates that fall silent
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/live"
	"scrapelog/handlers/web"
	"scrapelog/handlers/web/webtest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:8081", "address")
	empty := flag.Bool("empty", false, "a service to which nothing has happened")
	mute := flag.Bool("mute", false, "open live streams and say nothing on them")
	flag.Parse()

	webtest.Now = time.Now() // ages count on in the browser
	service := webtest.New()
	if *empty {
		service = webtest.Empty()
	}
	handler := service.Handler(subscriber(service, *mute), time.Now)
	go func() { _ = handler.Run(context.Background()) }() // ends with the process
	e := webtest.Echo(handler)
	webtest.RegisterStories(e)

	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	server := &http.Server{Handler: e, ReadHeaderTimeout: 5 * time.Second}
	return server.Serve(listener)
}

func subscriber(service *webtest.Service, mute bool) web.Subscriber {
	if mute {
		return service
	}
	wake := func() (<-chan struct{}, func()) { return nil, func() {} }
	hub := live.New(live.Config{Source: service, Wake: wake, Render: web.RenderFor(domain.RoleAdmin), Logger: slog.Default()})
	go func() { _ = hub.Run(context.Background()) }() // ends with the process
	return hub
}
