package scrape

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
)

// piped listens to a stream that the test writes, under synctest's clock, and
// returns how it ended and when.
func piped(t *testing.T, o *outcome, write func(w io.Writer)) (took time.Duration, own error) {
	t.Helper()
	ctx, end := context.WithCancelCause(t.Context())
	defer end(nil)
	r, w := io.Pipe()
	defer context.AfterFunc(ctx, func() { r.CloseWithError(context.Canceled) })()
	var writing sync.WaitGroup
	writing.Go(func() { write(w) })
	began := time.Now()
	if _, err := o.listen(r, end, func(time.Time) {}); err == nil {
		t.Fatal("the stream ended without an error")
	}
	took = time.Since(began)
	r.Close()
	writing.Wait()
	return took, context.Cause(ctx)
}

func idleOutcome(limit time.Duration) *outcome {
	cfg := testConfig()
	cfg.IdleTimeout = domain.Duration(limit)
	return &outcome{cfg: cfg, stage: streaming}
}

func TestSilenceIsLostAtItsTimeAndNeverBefore(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		limit := time.Duration(10+random.IntN(60_000)) * time.Millisecond
		pauses := make([]time.Duration, random.IntN(20))
		var spoken time.Duration
		for i := range pauses {
			pauses[i] = time.Duration(random.Int64N(int64(limit)))
			spoken += pauses[i]
		}
		synctest.Test(t, func(t *testing.T) {
			took, own := piped(t, idleOutcome(limit), func(w io.Writer) {
				for _, pause := range pauses {
					time.Sleep(pause)
					io.WriteString(w, ":")
				}
			})
			silent := took - spoken
			if !errors.Is(own, errIdle) || silent < limit || silent > limit+500*time.Millisecond {
				t.Errorf("limit %s: ended by %v after %s of silence", limit, own, silent)
			}
		})
	}
}

func TestAByteWithinTheGraceSavesTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := 10 * time.Second
		took, own := piped(t, idleOutcome(limit), func(w io.Writer) {
			time.Sleep(limit + grace - time.Millisecond)
			io.WriteString(w, ":")
		})
		if want := 2*(limit+grace) - time.Millisecond; !errors.Is(own, errIdle) || took != want {
			t.Errorf("ended by %v after %s, want %s", own, took, want)
		}
	})
}

// A reader that is busy with something else, such as a slow database, does not make the
// stream silent.
func TestTimeBetweenReadsIsNotSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expired := false
		s := newSilence(time.Second, func() { expired = true })
		for range 100 {
			s.arm()
			time.Sleep(100 * time.Millisecond)
			s.disarm()
			time.Sleep(time.Minute)
			if expired {
				t.Fatal("time between reads counted as silence")
			}
			s.heard()
		}
		s.arm()
		time.Sleep(time.Second + grace + time.Millisecond)
		if synctest.Wait(); !expired {
			t.Error("silence was not noticed")
		}
	})
}

// Bytes that have arrived and were not read are not silence, however late they are read.
func TestWhatWaitsToBeReadIsNotSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, late := time.Now(), 5*time.Second
		expired := make(chan time.Time, 1)
		s := newSilence(time.Second, func() { expired <- time.Now() })
		s.waiting = func() bool { return time.Since(began) < late }
		s.arm()
		if took := (<-expired).Sub(began); took < late || took > late+2*grace {
			t.Errorf("expired after %s; until %s something was there to be read", took, late)
		}
	})
}

func TestUnderBeatsOnlyWholeEventsCount(t *testing.T) {
	for name, sign := range map[string]string{"comments": ": here\n\n", "half an event": "data: x\n", "blank lines": "\n"} {
		synctest.Test(t, func(t *testing.T) {
			o := idleOutcome(time.Second)
			o.beat = 5 * time.Second
			took, own := piped(t, o, func(w io.Writer) {
				time.Sleep(4 * time.Second)
				io.WriteString(w, "event: beat\n\n")
				for err := error(nil); err == nil; _, err = io.WriteString(w, sign) {
					time.Sleep(700 * time.Millisecond)
				}
			})
			if want := 19*time.Second + grace; !errors.Is(own, errMissedBeats) || took != want {
				t.Errorf("%s: ended by %v after %s, want %s", name, own, took, want)
			}
		})
	}
}

func TestBeatsKeepAStreamAliveForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := idleOutcome(time.Second)
		o.beat = 5 * time.Second
		took, _ := piped(t, o, func(w io.Writer) {
			for range 24 * 60 * 60 / 14 {
				time.Sleep(14 * time.Second)
				io.WriteString(w, "event: beat\n\n")
			}
			w.(*io.PipeWriter).CloseWithError(errors.New("cut"))
		})
		if took != 24*60*60/14*14*time.Second {
			t.Errorf("lost after %s", took)
		}
	})
}

func TestAnnouncedBeat(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": 0, "5s": 5 * time.Second, "1s": time.Second, "60s": time.Minute, "1m": time.Minute,
		"999ms": 0, "61s": 0, "0s": 0, "-5s": 0, "5": 0, "soon": 0,
	} {
		if got := dial.Beat(map[string][]string{"X-Scrape-Beat": {header}}); got != want {
			t.Errorf("X-Scrape-Beat %q is read as %s, want %s", header, got, want)
		}
	}
}

func TestStreamPastItsLimitIsABreach(t *testing.T) {
	for _, limit := range []int64{int64(len(completed)) - 1, int64(len(completed))} {
		s := newSilence(time.Second, func() {})
		r := &reader{body: strings.NewReader(strings.Repeat(completed, 3)), limit: limit, silence: s, heardAt: func(time.Time) {}}
		got, err := io.ReadAll(r)
		s.stop()
		if int64(len(got)) != limit || !errors.Is(err, errStreamTooLong) || r.bytes != limit {
			t.Errorf("limit %d: %d bytes and %v", limit, len(got), err)
		}
	}
	if c, is := (outcome{stage: streaming, err: fmt.Errorf("x: %w", errStreamTooLong)}).command().(domain.ReportFailed); !is || c.Code != domain.CodeProtocol {
		t.Errorf("a stream that is too long is recorded as %+v", c)
	}
}
