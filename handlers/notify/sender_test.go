package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/egress"
)

// inbox is a receiver whose answers are set by the test.
type inbox struct {
	answer func(n outbox.Notice, attempt int) error

	mu       sync.Mutex
	attempts map[uuid.UUID]int
	took     []outbox.Notice
}

func (*inbox) check() error { return nil }

func (b *inbox) send(ctx context.Context, n outbox.Notice) error {
	b.mu.Lock()
	b.attempts[n.ID]++
	attempt := b.attempts[n.ID]
	b.mu.Unlock()
	if err := b.answer(n, attempt); errors.Is(err, errHangs) {
		<-ctx.Done()
		return ctx.Err()
	} else if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.took = append(b.took, n)
	return nil
}

func (b *inbox) types() (types []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.took {
		types = append(types, n.Type)
	}
	return types
}

var errHangs = errors.New("hangs")

// sending runs a sender with a receiver for each channel, in fake time.
func sending(t *testing.T, answers map[string]func(n outbox.Notice, attempt int) error, run func(t *testing.T, o *outbox.Outbox, boxes map[string]*inbox)) {
	t.Helper()
	sendingTo(t, &Channels{}, answers, run)
}

func sendingTo(t *testing.T, told *Channels, answers map[string]func(n outbox.Notice, attempt int) error, run func(t *testing.T, o *outbox.Outbox, boxes map[string]*inbox)) {
	t.Helper()
	db := eventstoretest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		store, err := eventstore.Open(t.Context(), eventstore.Config{URL: db.URL})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		if err := store.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		receivers, boxes := map[string]receiver{}, map[string]*inbox{}
		for name, answer := range answers {
			boxes[name] = &inbox{answer: answer, attempts: map[uuid.UUID]int{}}
			receivers[name] = boxes[name]
		}
		told.current.Store(&channels{receivers: receivers})
		ctx, stop := context.WithCancel(t.Context())
		sender := &Sender{
			Outbox: outbox.New(store), Instance: "one", Channels: told, Logger: slog.New(slog.DiscardHandler),
			Wake: func() (<-chan struct{}, func()) { return nil, func() {} },
		}
		ended := make(chan error, 1)
		go func() { ended <- sender.Run(ctx) }()
		run(t, sender.Outbox, boxes)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// put adds the n-th notice of a subject.
func put(t *testing.T, o *outbox.Outbox, channel, subject string, n int) outbox.Notice {
	t.Helper()
	now := time.Now()
	notice := outbox.Notice{
		ID: uuid.New(), Channel: channel, Kind: outbox.KindFailing, Type: fmt.Sprint(subject, n), Subject: subject, State: outbox.StatePending,
		Body: []byte("{}"), CreatedAt: now, NextAttempt: now,
	}
	if err := o.Add(t.Context(), notice); err != nil {
		t.Fatal(err)
	}
	return notice
}

func accept(outbox.Notice, int) error { return nil }

// TestAChannelLeavesAndAnotherComes: what is left for a channel that has left the
// configuration is given up after a minute, and one that comes is sent to.
func TestAChannelLeavesAndAnotherComes(t *testing.T) {
	told := &Channels{}
	refuse := func(outbox.Notice, int) error { return &RefusedError{Status: 503} }
	answers := map[string]func(outbox.Notice, int) error{"ops": accept, "gone": refuse}
	sendingTo(t, told, answers, func(t *testing.T, o *outbox.Outbox, boxes map[string]*inbox) {
		first, second := put(t, o, "gone", "a", 0), put(t, o, "gone", "a", 1)
		time.Sleep(10 * time.Second)
		boxes["new"] = &inbox{answer: accept, attempts: map[uuid.UUID]int{}}
		told.current.Store(&channels{receivers: map[string]receiver{"ops": boxes["ops"], "new": boxes["new"]}})
		put(t, o, "new", "b", 0)
		put(t, o, "ops", "b", 1)
		time.Sleep(10 * time.Second)
		if new, ops := boxes["new"].types(), boxes["ops"].types(); !slices.Equal(new, []string{"b0"}) || !slices.Equal(ops, []string{"b1"}) {
			t.Errorf("new was told %q, ops %q", new, ops)
		}
		tries := boxes["gone"].attempts[first.ID]
		time.Sleep(15 * time.Minute)
		for _, n := range []outbox.Notice{first, second} {
			n, err := o.Get(t.Context(), n.ID)
			if err != nil || n.State != outbox.StateGivenUp || n.LastError != "the channel has left the configuration" {
				t.Errorf("%v: %s, %q, %v", n.Type, n.State, n.LastError, err)
			}
		}
		if now := boxes["gone"].attempts[first.ID]; now != tries || tries < 2 {
			t.Errorf("the channel that has left was tried %d times before, %d in all", tries, now)
		}
	})
}

// TestAFileThatIsReadAgainReplacesChannels: channels that cannot work leave those there are.
func TestAFileThatIsReadAgainReplacesChannels(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := db.Open(t)
		t.Setenv("OPS_URL", "http://127.0.0.1:9/ops")
		ops, chat := Channel{Name: "ops", WebhookEnv: "OPS_URL"}, Channel{Name: "chat", WebhookEnv: "CHAT_URL"}
		told, err := Open(Config{To: []Channel{ops}}, func() egress.Rules { return egress.Rules{} })
		if err != nil {
			t.Fatal(err)
		}
		teller := &Teller{Outbox: outbox.New(store), Channels: told, Logger: slog.New(slog.DiscardHandler)}
		if err := teller.Begin(t.Context(), func(context.Context) ([]outbox.Mark, error) { return nil, nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := teller.Prepare(t.Context(), Config{To: []Channel{chat}}); err == nil || !strings.Contains(err.Error(), "CHAT_URL") {
			t.Errorf("a channel without an address: %v", err)
		}
		if _, ok := told.named("ops"); !ok {
			t.Error("a file that was refused took the channels there were")
		}
		eventstoretest.MustAppend(t, store, eventstoretest.AppendOf(0, eventstoretest.Started(uuid.New())))
		t.Setenv("CHAT_URL", "http://127.0.0.1:9/chat")
		commit, err := teller.Prepare(t.Context(), Config{To: []Channel{chat}})
		if err != nil {
			t.Fatal(err)
		}
		commit()
		head, err := store.Head(t.Context())
		if now := told.inForce(); err != nil || head == 0 || now.receivers["chat"] == nil || now.receivers["ops"] != nil || now.since["chat"] != head {
			t.Errorf("%+v, head %d, %v", now, head, err)
		}
	})
}

func TestAChannelThatIsDownForAnHourIsToldInOrder(t *testing.T) {
	var back time.Time
	down := func(outbox.Notice, int) error {
		if time.Now().Before(back) {
			return &RefusedError{Status: 503}
		}
		return nil
	}
	sending(t, map[string]func(outbox.Notice, int) error{"ops": down}, func(t *testing.T, o *outbox.Outbox, boxes map[string]*inbox) {
		back = time.Now().Add(time.Hour)
		for n := range 3 {
			put(t, o, "ops", "a", n)
			put(t, o, "ops", "b", n)
		}
		time.Sleep(time.Hour + lastRetry + 10*time.Second)
		got := boxes["ops"].types()
		for _, subject := range []string{"a", "b"} {
			of := slices.DeleteFunc(slices.Clone(got), func(name string) bool { return name[:1] != subject })
			if !slices.Equal(of, []string{subject + "0", subject + "1", subject + "2"}) {
				t.Errorf("of %s arrived %q", subject, of)
			}
		}
	})
}

func TestAChannelThatHangsDelaysNoOtherAndNoOtherSubject(t *testing.T) {
	hang := func(outbox.Notice, int) error { return errHangs }
	hangOnce := func(n outbox.Notice, _ int) error {
		if n.Subject == "stuck" {
			return errHangs
		}
		return nil
	}
	sending(t, map[string]func(outbox.Notice, int) error{"hung": hang, "partly": hangOnce, "well": accept}, func(t *testing.T, o *outbox.Outbox, boxes map[string]*inbox) {
		for n := range 10 {
			put(t, o, "hung", fmt.Sprint("s", n), n)
		}
		put(t, o, "partly", "stuck", 0)
		put(t, o, "partly", "free", 0)
		put(t, o, "well", "a", 0)
		time.Sleep(2 * poll)
		if got := boxes["well"].types(); len(got) != 1 {
			t.Errorf("the channel that answers was told %q", got)
		}
		if got := boxes["partly"].types(); !slices.Equal(got, []string{"free0"}) {
			t.Errorf("the channel that hangs with one notice was told %q", got)
		}
	})
}

func TestANoticeIsGivenUpAfterADay(t *testing.T) {
	begun := time.Date(2026, 11, 1, 2, 0, 0, 0, time.UTC)
	n := outbox.Notice{State: outbox.StatePending, NextAttempt: begun}
	for n.State == outbox.StatePending {
		n.Attempts++
		n = settled(n, &RefusedError{Status: 500}, n.NextAttempt)
	}
	if after := n.NextAttempt.Sub(begun); n.State != outbox.StateGivenUp || after < retryFor || after > retryFor+lastRetry {
		t.Errorf("%s after %v", n.State, after)
	}
	// 11 attempts take 17 minutes, and the rest of the day has one each 7.5 to 10 minutes.
	if n.Attempts < 150 || n.Attempts > 210 || n.LastError != "answered with HTTP 500 Internal Server Error" {
		t.Errorf("%d attempts in a day, %q", n.Attempts, n.LastError)
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	var tried []time.Time
	limited := func(_ outbox.Notice, attempt int) error {
		tried = append(tried, time.Now())
		if attempt == 1 {
			return &RefusedError{Status: 429, RetryAfter: 90 * time.Second}
		}
		return nil
	}
	sending(t, map[string]func(outbox.Notice, int) error{"ops": limited}, func(t *testing.T, o *outbox.Outbox, _ map[string]*inbox) {
		put(t, o, "ops", "a", 0)
		time.Sleep(2 * time.Minute)
		if len(tried) != 2 || tried[1].Sub(tried[0]) < 90*time.Second || tried[1].Sub(tried[0]) > 93*time.Second {
			t.Errorf("tried at %v", tried)
		}
	})
}

func TestAClockThatIsSetGivesUpNothing(t *testing.T) {
	now := time.Date(2026, 11, 1, 2, 0, 0, 0, time.UTC)
	n := settled(outbox.Notice{State: outbox.StatePending, Attempts: 1, CreatedAt: now}, errHangs, now.AddDate(1, 0, 0))
	if n.State != outbox.StatePending {
		t.Errorf("%s after one attempt", n.State)
	}
}

func TestBackoff(t *testing.T) {
	for attempts, want := range map[int64]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 10: 512 * time.Second, 11: lastRetry, 1000: lastRetry} {
		for range 100 {
			if got := backoff(attempts); got > want || got < want*3/4 {
				t.Errorf("after %d attempts %v, want up to %v", attempts, got, want)
			}
		}
	}
}
