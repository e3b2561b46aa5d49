package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/problem"
	"scrapelog/handlers/web/pages"
	"scrapelog/projections/replay"
)

// Audit proves the log through eventstore/proof.
type Audit struct {
	// State returns the state of the sealing.
	State func() proof.State
	// Flaws returns the changes to the database without an event, and the rights by
	// which other users may change it; nil: not checked.
	Flaws func() (wrong, weak []string)
	// Witnesses returns how the witnesses stand; nil: there are none.
	Witnesses func() []proof.WitnessState
	// Verify compares the whole log with everything that was ever signed of it.
	Verify func(ctx context.Context, progress func(done, all int64)) (proof.Result, error)
	// Replay compares what pages show with what the log makes of it.
	Replay func(ctx context.Context, progress func(done, all int64)) (replay.Comparison, error)
	// Recent returns the newest checkpoints in the database, newest first.
	Recent func(ctx context.Context, limit int) ([]proof.Sealed, error)
	// Prove makes the proof that an event is in the last signed checkpoint.
	Prove func(ctx context.Context, position int64) (proof.Proof, error)
}

// NewAudit returns an Audit of a log that sealer seals.
func NewAudit(store *eventstore.Store, sealer *proof.Sealer, verify func(ctx context.Context, whole bool, progress func(done, all int64)) (proof.Result, error), flaws func() (wrong, weak []string)) Audit {
	return Audit{
		State: sealer.State, Flaws: flaws,
		Verify: func(ctx context.Context, progress func(done, all int64)) (proof.Result, error) {
			return verify(ctx, true, progress)
		},
		Replay: func(ctx context.Context, progress func(done, all int64)) (replay.Comparison, error) {
			return replay.Compare(ctx, store, replay.Config{Against: replay.InTables(store), Background: true, Progress: progress})
		},
		Recent: func(ctx context.Context, limit int) ([]proof.Sealed, error) { return proof.Recent(ctx, store, limit) },
		Prove: func(ctx context.Context, position int64) (proof.Proof, error) {
			return proof.Prove(ctx, store, sealer.Files(), position)
		},
	}
}

const (
	verifying = "a verification"
	replaying = "a replay"
)

// checkpointsShown is how many checkpoints the page lists.
const checkpointsShown = 20

func (h *Handler) audit(c echo.Context) error {
	job, comparison := h.jobs.get(verifying), pages.Replay{Job: h.jobs.get(replaying)}
	chrome, err := h.chrome(c, "/audit", "Proof", pages.RefreshWhile(job.Busy() || comparison.Job.Busy()))
	if err != nil {
		return err
	}
	head, err := h.cfg.Events.Head(c.Request().Context())
	if err != nil {
		return err
	}
	recent, err := h.cfg.Audit.Recent(c.Request().Context(), checkpointsShown)
	if err != nil {
		return err
	}
	page := pages.AuditPage{Head: head, State: h.cfg.Audit.State(), Job: job, Replay: comparison, Checkpoints: recent, Database: h.cfg.Database}
	if page.Last, page.At, err = lastFound[proof.Result](c.Request().Context(), h, foundByVerify); err != nil {
		return err
	}
	if page.Replay.Last, page.Replay.At, err = lastFound[replay.Comparison](c.Request().Context(), h, foundByReplay); err != nil {
		return err
	}
	if h.cfg.Audit.Flaws != nil {
		page.Wrong, page.Weak = h.cfg.Audit.Flaws()
	}
	if h.cfg.Audit.Witnesses != nil {
		page.Witnesses = h.cfg.Audit.Witnesses()
	}
	return send(c, http.StatusOK, pages.AuditPageOf(chrome, page))
}

func (h *Handler) verify(c echo.Context) error {
	return h.begin(c, verifying, "/audit", keeping(h, foundByVerify, h.cfg.Audit.Verify))
}

func (h *Handler) replay(c echo.Context) error {
	return h.begin(c, replaying, "/audit#replay", keeping(h, foundByReplay, h.cfg.Audit.Replay))
}

// inclusion reports whether an event is in the last signed checkpoint, and proves it.
func (h *Handler) inclusion(ctx context.Context, position int64) (pages.Inclusion, error) {
	p, err := h.cfg.Audit.Prove(ctx, position)
	refusal, refused := errors.AsType[*problem.Document](err)
	switch {
	case refused:
		return pages.Inclusion{Refused: refusal.Detail}, nil
	case errors.Is(err, proof.ErrDamaged):
		return pages.Inclusion{Damaged: err.Error()}, nil
	case errors.Is(err, domain.ErrConflict), errors.Is(err, domain.ErrNotFound):
		return pages.Inclusion{}, nil // not signed yet
	case err != nil && ctx.Err() == nil:
		// Other instances may have the key. What the event says is worth showing.
		h.cfg.Logger.WarnContext(ctx, "proving an event failed", "position", position, "error", err)
		return pages.Inclusion{Unknown: true}, nil
	case err != nil:
		return pages.Inclusion{}, err
	}
	checkpoint, err := p.Check()
	if err != nil {
		return pages.Inclusion{Damaged: err.Error()}, nil
	}
	return pages.Inclusion{Size: checkpoint.Size, Root: checkpoint.Root.String(), Key: p.Key}, nil
}

// proof sends what "scrapelog audit check-proof" takes.
func (h *Handler) proof(c echo.Context) error {
	position, err := strconv.ParseInt(c.Param("position"), 10, 64)
	if err != nil {
		return fmt.Errorf("event %s: %w", quoted(c.Param("position")), domain.ErrNotFound)
	}
	p, err := h.cfg.Audit.Prove(c.Request().Context(), position)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("proof of event %d: %w", position, err)
	}
	c.Response().Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=\"event-%d.proof.json\"", position))
	return c.Blob(http.StatusOK, "application/json", append(data, '\n'))
}
