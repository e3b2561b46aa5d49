package projections

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// alike are runs whose ids have parts in common.
var alike = []uuid.UUID{
	uuid.MustParse("0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11"),
	uuid.MustParse("0198c2f4-7c1e-7d3b-8b21-aaaa3b0c5d11"), // begins and ends like the first
	uuid.MustParse("0198c2f5-0000-7000-8000-3b0c5d111111"), // has the first one's end in the middle of its tail
	uuid.MustParse("3b0c5d11-0000-7000-8000-0000000000ff"), // begins as the first ends
	uuid.MustParse("ffffffff-ffff-7fff-bfff-ffffffffffff"),
	uuid.MustParse("00000000-0000-7000-8000-000000000000"),
}

func TestARunIsFoundByAnyPartOfItsID(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		var events []domain.Event
		for i, id := range alike {
			events = append(events, started(id, float64(2*i)), completed(id, float64(2*i+1), 1))
		}
		log.Given(events...)
		for text, want := range map[string]struct {
			run  int    // of alike
			fail string // part of the error
		}{
			"0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11": {run: 0},
			"0198C2F47C1E7D3A9A102F6F3B0C5D11":     {run: 0},
			"6f3b0c5d11":                           {run: 0},
			"9a10-2f6f3b0c5d11":                    {run: 0}, // longer than the index
			"8b10-2f6f3b0c5d11":                    {fail: "not found"},
			"0198c2f4-7c1e-7d3b":                   {run: 1},
			"c1e-7d3b":                             {run: 1}, // from the middle
			"aaaa3b":                               {run: 1},
			"0198c2f5":                             {run: 2},
			"…111111":                              {run: 2},
			"run-0000ff":                           {run: 3},
			"ffffff":                               {run: 4},
			"0198c2f4":                             {fail: "part of 2 ids: 0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11, 0198c2f4-7c1e-7d3b-8b21-aaaa3b0c5d11"},
			"3b0c5d11":                             {fail: "part of 3 ids"},
			"7c1e7d":                               {fail: "part of 2 ids"},
			"123456":                               {fail: "not found"},
			"12345":                                {fail: "neither an id nor a part"},
			"%%%%%%":                               {fail: "neither an id nor a part"},
		} {
			for door, find := range map[string]func() (uuid.UUID, error){
				"queries": func() (uuid.UUID, error) { return log.FindRun(t.Context(), "run", text) },
				"command": func() (uuid.UUID, error) { return FindRun(t.Context(), log.Store, "run", text) },
			} {
				got, err := find()
				switch {
				case want.fail != "" && (err == nil || !strings.Contains(err.Error(), want.fail)):
					t.Errorf("%s %s: %v, %v; want %q", door, text, got, err, want.fail)
				case want.fail == "" && (err != nil || got != alike[want.run]):
					t.Errorf("%s %s: %v, %v; want %s", door, text, got, err, alike[want.run])
				}
			}
		}
	})
}

func TestACommandFindsARunThatTheReadModelDoesNotHave(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Append(started(alike[0], 0)) // which no projection has seen
		if id, err := FindRun(t.Context(), log.Store, "run", "3b0c5d11"); err != nil || id != alike[0] {
			t.Errorf("behind: %s, %v", id, err)
		}
		log.Exec("UPDATE projections SET version = 1")
		log.Exec("DROP TABLE runs")
		if id, err := FindRun(t.Context(), log.Store, "run", "0198c2f4"); err != nil || id != alike[0] {
			t.Errorf("not built: %s, %v", id, err)
		}
		if _, err := FindRun(t.Context(), log.Store, "run", "123456"); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("none: %v", err)
		}
	})
}

func TestTheTailOfAnIDIsItsLastDigitsBackwards(t *testing.T) {
	for _, id := range append(alike, uuid.New(), uuid.New()) {
		digits := strings.ReplaceAll(id.String(), "-", "")
		for n := domain.MinIDDigits; n <= len(digits); n++ {
			from, to := tailRange(domain.IDPart(digits[len(digits)-n:]))
			if tail := tailOf(id); tail < from || tail > to {
				t.Errorf("%s: tail %x is not from %x to %x for its last %d digits", id, tail, from, to, n)
			}
		}
		if tail := tailOf(id); tail < 0 || tail>>44 != hexValue(digits[31]) || tail&15 != hexValue(digits[20]) {
			t.Errorf("%s: tail %x", id, tail)
		}
	}
}

// However many runs there are, an id is found by its ends without reading them.
func TestTheEndsOfAnIDAreServedByAnIndex(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(manyRuns(rand.New(rand.NewPCG(1, 1)), 300)...)
		log.Exec("ANALYZE")
		log.walks("runs_tail", runIDs.tail, 0, 99, 6)
		log.walks("", runIDs.head, uuid.Nil.String(), uuid.Max.String(), 6)
		log.walks("runs_newest", runIDs.middle, "%abcdef%", 100, 6)
	})
}
