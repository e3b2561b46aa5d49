package witness

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
)

const (
	every    = 10 * time.Second // how often a log that has grown is sent to its witnesses
	soon     = time.Second      // how often a log is looked at of which nothing is signed yet
	lastWord = time.Second      // how long a stop waits for the last signature
)

// Sender sends each new checkpoint to the witnesses, and keeps what they sign. The fields
// are required.
type Sender struct {
	Log       *eventstore.Store
	Files     func() proof.Files
	Witnesses []proof.Witness
	Client    *http.Client // of NewClient
	Logger    *slog.Logger

	mu     sync.Mutex
	states map[string]proof.WitnessState
}

// Begin reads what is known of the witnesses: what they have signed, and whether they
// refused.
func (s *Sender) Begin(ctx context.Context) error {
	states := map[string]proof.WitnessState{}
	for _, w := range s.Witnesses {
		state := proof.WitnessState{Witness: w.Name}
		f, found, err := s.Log.LastFinding(ctx, finding(w.Name))
		if err != nil {
			return err
		}
		if found {
			_ = json.Unmarshal(f.Result, &state) // one that is unreadable is found out again
		}
		seen, err := proof.LastWitnessed(ctx, s.Log, w)
		if err != nil {
			return err
		}
		state.Witness, state.Size, state.At = w.Name, seen.Size, seen.At
		states[w.Name] = state
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states = states
	return nil
}

// finding is the kind under which the state of a witness outlives the process.
func finding(witness string) string { return "witness " + witness }

// States returns how the witnesses stand, by name.
func (s *Sender) States() []proof.WitnessState {
	s.mu.Lock()
	defer s.mu.Unlock()
	var states []proof.WitnessState
	for _, state := range s.states {
		states = append(states, state)
	}
	slices.SortFunc(states, func(a, b proof.WitnessState) int { return cmp.Compare(a.Witness, b.Witness) })
	return states
}

// Troubles returns what people must be told of the witnesses: the sentence for each, by a
// name that stays the same while it lasts.
func (s *Sender) Troubles() map[string]string {
	troubles := map[string]string{}
	for _, state := range s.States() {
		if name, says := state.Trouble(time.Now()); name != "" {
			troubles[name] = says
		}
	}
	return troubles
}

// Run sends checkpoints until ctx ends, and the last one then. A witness that is slow
// delays no other.
func (s *Sender) Run(ctx context.Context) error {
	var group errgroup.Group
	for _, w := range s.Witnesses {
		group.Go(func() error { return s.follow(ctx, w) })
	}
	return group.Wait()
}

func (s *Sender) follow(ctx context.Context, w proof.Witness) error {
	// The first time it is asked although it has signed that: the log may be an older one.
	for asked := false; ; {
		asked = s.send(ctx, w, !asked) || asked
		wait := every
		if !asked {
			wait = soon
		}
		if !eventstore.Pause(ctx, wait) {
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
			defer cancel()
			s.send(last, w, false)
			return nil
		}
	}
}

// send sends the newest checkpoint to a witness; unless always, only if the witness has
// not signed it. It reports whether it has asked.
func (s *Sender) send(ctx context.Context, w proof.Witness, always bool) bool {
	c, _, err := proof.Newest(ctx, s.Log)
	before := s.state(w)
	if err != nil || c.Size == 0 || c.Size == before.Size && before.Says == "" && !always {
		return false
	}
	cosigned, seen, err := Ask(ctx, s.Client, s.Log, w)
	if err == nil && cosigned != "" {
		err = proof.KeepCosigned(ctx, s.Log, s.Files(), cosigned)
	}
	if err != nil && ctx.Err() != nil {
		return true // our own stop
	}
	after := before
	if err == nil {
		after = proof.WitnessState{Witness: w.Name, Size: seen.Size, At: seen.At}
	} else {
		after.Says, after.Refused = err.Error(), refusal(err)
		if before.Says == "" || after.Refused && !before.Refused {
			after.Since = time.Now().UTC().Truncate(time.Second)
		}
	}
	s.mu.Lock()
	s.states[w.Name] = after
	s.mu.Unlock()
	s.tell(ctx, before, after, err)
	return true
}

func (s *Sender) state(w proof.Witness) proof.WitnessState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.states[w.Name]
}

// tell logs a change, and keeps it for the next process. A witness that is ahead is so by
// ever fewer events, as the log grows: that is no change.
func (s *Sender) tell(ctx context.Context, before, after proof.WitnessState, err error) {
	_, ahead := errors.AsType[*Ahead](err)
	if after.Says == before.Says || ahead && before.Refused && before.Since.Equal(after.Since) {
		return
	}
	if err != nil {
		s.Logger.ErrorContext(ctx, "a witness did not sign the log", "error", err)
	} else {
		s.Logger.InfoContext(ctx, "a witness signs the log again", "position", after.Size)
	}
	kept, err := json.Marshal(after)
	if err == nil {
		err = s.Log.KeepFinding(ctx, eventstore.Finding{Kind: finding(after.Witness), At: time.Now(), Result: kept})
	}
	if err != nil {
		s.Logger.WarnContext(ctx, "the state of a witness could not be kept", "error", err)
	}
}
