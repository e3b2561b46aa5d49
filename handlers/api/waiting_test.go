package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scrapelog/eventstore"
	"scrapelog/handlers/problem"
)

func TestAnIdleTailBeatsEveryFiveSecondsAndLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newStubLog()
		l.add(1)
		e, _ := stubbed(l)
		ctx, leave := context.WithCancel(t.Context())
		w, done := ask(ctx, e, "/api/v1/events/stream")
		time.Sleep(4 * time.Second)
		l.add(1) // nobody is woken
		time.Sleep(7 * time.Second)
		leave()
		<-done
		data := func(n int) string {
			return fmt.Sprintf("event: scraper.paused\nid: %d\ndata: {\"position\":%d,", n, n)
		}
		parts := strings.SplitAfter(w.Body.String(), "\n\n")
		if len(parts) != 5 || !strings.HasPrefix(parts[0], data(1)) || parts[1] != ": beat\n\n" || !strings.HasPrefix(parts[2], data(2)) || parts[3] != ": beat\n\n" {
			t.Errorf("got %q", parts)
		}
	})
}

func TestATailReadsPageAfterPageWithoutBeingWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newStubLog()
		l.add(1001)
		e, _ := stubbed(l)
		ctx, leave := context.WithCancel(t.Context())
		w, done := ask(ctx, e, "/api/v1/events/stream")
		synctest.Wait()
		leave()
		<-done
		if got := strings.Count(w.Body.String(), "\nid: "); got != 1001 {
			t.Errorf("%d events came", got)
		}
	})
}

func TestATailThatCannotReadIsAProblemAtFirstAndAnEndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newStubLog()
		l.breaks(eventstore.ErrUnavailable)
		e, _ := stubbed(l)
		w, done := ask(t.Context(), e, "/api/v1/events/stream")
		<-done
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("at first: %d %s", w.Code, w.Body)
		}
		l.breaks(nil)
		w, done = ask(t.Context(), e, "/api/v1/events/stream")
		synctest.Wait()
		l.breaks(eventstore.ErrUnavailable)
		l.woken <- struct{}{}
		<-done
		if w.Code != http.StatusOK || w.Body.Len() > 0 {
			t.Errorf("later: %d %s", w.Code, w.Body)
		}
	})
}

func TestAReadThatWaitsInVainGivesUpAfterFiveSeconds(t *testing.T) {
	d := readDocument(t)
	for route, operation := range d.operations() {
		if !strings.Contains(fmt.Sprint(operation["parameters"]), "AtLeast") {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			e, _ := stubbed(newStubLog())
			begun := time.Now()
			path := strings.NewReplacer("{name}", "shop", "{id}", "0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11", "{position}", "1").Replace(route[len("GET "):])
			w, done := ask(t.Context(), e, path+"?at_least=9")
			<-done
			if took := time.Since(begun); took != 5*time.Second {
				t.Errorf("%s took %s", route, took)
			}
			if !strings.Contains(w.Body.String(), problem.Behind.Type()) {
				t.Errorf("%s: %s", route, w.Body)
			}
			d.conforms(t, operation, http.MethodGet, path, recorded(w))
		})
	}
}

func TestAReadOfTheLogWaitsForItsPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newStubLog()
		e, _ := stubbed(l)
		w, done := ask(t.Context(), e, "/api/v1/events?at_least=1")
		synctest.Wait()
		l.add(1)
		l.woken <- struct{}{}
		<-done
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"position":1`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestAReadIsNotKeptForAClientThatLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := stubbed(newStubLog())
		ctx, leave := context.WithCancelCause(t.Context())
		_, done := ask(ctx, e, "/api/v1/runs?at_least=1")
		synctest.Wait()
		leave(errors.New("left"))
		synctest.Wait()
		select {
		case <-done:
		default:
			t.Error("it still waits")
		}
	})
}

func recorded(w *httptest.ResponseRecorder) answer { return answer{w.Code, w.Header(), w.Body.Bytes()} }
