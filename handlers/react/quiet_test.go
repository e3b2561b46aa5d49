package react

import (
	"errors"
	"testing"

	"github.com/ThreeDotsLabs/watermill"
)

func TestQuietKeepsErrorsWithTheirFields(t *testing.T) {
	to := watermill.NewCaptureLogger()
	log := (&quiet{to: to}).With(watermill.LogFields{"group": "runs", "try": 1}).With(watermill.LogFields{"try": 2})
	log.Info("said", nil)
	log.Debug("said", nil)
	log.Trace("said", nil)
	fault := errors.New("on purpose")
	log.Error("went wrong", fault, watermill.LogFields{"position": 3})
	if said := to.Captured(); len(said) != 1 {
		t.Fatalf("said %v, want the error alone", said)
	}
	if !to.Has(watermill.CapturedMessage{
		Level: watermill.ErrorLogLevel, Msg: "went wrong", Err: fault,
		Fields: watermill.LogFields{"group": "runs", "try": 2, "position": 3},
	}) {
		t.Errorf("captured %+v", to.Captured())
	}
}
