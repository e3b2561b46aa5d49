package domain_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"scrapelog/domain"
)

func TestAnIDPart(t *testing.T) {
	id := uuid.MustParse("0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11")
	for text, want := range map[string]domain.IDPart{
		id.String():                         "0198c2f47c1e7d3a9a102f6f3b0c5d11",
		"0198c2f47c1e7d3a9a102f6f3b0c5d11":  "0198c2f47c1e7d3a9a102f6f3b0c5d11",
		"0198C2F4-7C1E":                     "0198c2f47c1e",
		domain.ShortID(id):                  "3b0c5d11",
		"0c5d11":                            "0c5d11",
		"…3b0c5d11":                         "3b0c5d11",
		"run-…3b0c5d11":                     "3b0c5d11",
		domain.RunStream(id):                "0198c2f47c1e7d3a9a102f6f3b0c5d11",
		" 3b0c5d11\n":                       "3b0c5d11",
		"c5d11":                             "",
		"":                                  "",
		"------":                            "",
		"seven7":                            "",
		"0198c2f47c1e7d3a9a102f6f3b0c5d110": "",
		"{" + id.String() + "}":             "",
		"urn:uuid:" + id.String():           "",
		"3b0c5d1１":                          "",
		"3b0c%":                             "",
		strings.Repeat("-", 100_000) + "3b0c5d11": "3b0c5d11",
	} {
		got, err := domain.ParseIDPart("id", text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%.80q: %q, %v; want %q", text, got, err, want)
		}
		if field, ok := errors.AsType[*domain.FieldError](err); err != nil && (!ok || field.Field != "id") {
			t.Errorf("%.80q: %v is not about the field", text, err)
		}
	}
}

func TestFindID(t *testing.T) {
	first, second := uuid.MustParse("0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11"), uuid.MustParse("0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d22")
	var none []uuid.UUID
	for name, test := range map[string]struct {
		text         string
		newest, with []uuid.UUID
		want         uuid.UUID
		err          error
	}{
		"the newest":             {text: "latest", newest: []uuid.UUID{first}, want: first},
		"the newest by a stream": {text: " run-latest\n", newest: []uuid.UUID{first}, want: first},
		"the newest of none":     {text: "latest", newest: none, err: domain.ErrNotFound},
		"a whole id":             {text: second.String(), want: second},
		"a part of one":          {text: "5d11aa", with: []uuid.UUID{first}, want: first},
		"a part of none":         {text: "5d11aa", with: none, err: domain.ErrNotFound},
		"a part of two":          {text: "0198c2f4", with: []uuid.UUID{first, second}, err: domain.ErrInvalid},
		"no id":                  {text: "Latest", err: domain.ErrInvalid},
	} {
		newest := func() ([]uuid.UUID, error) { return test.newest, nil }
		with := func(domain.IDPart) ([]uuid.UUID, error) { return test.with, nil }
		got, err := domain.FindID("id", test.text, newest, with)
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: %s, %v; want %s, %v", name, got, err, test.want, test.err)
		}
		if invalid := errors.Is(domain.CheckID("id", test.text), domain.ErrInvalid); invalid != (name == "no id") {
			t.Errorf("%s: CheckID says invalid: %v", name, invalid)
		}
	}
}

func TestTheIDsOfAPart(t *testing.T) {
	id := uuid.MustParse("0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11")
	first, last := domain.IDPart("0198c2f47c").Range()
	if first.String() != "0198c2f4-7c00-0000-0000-000000000000" || last.String() != "0198c2f4-7cff-ffff-ffff-ffffffffffff" {
		t.Errorf("range %s to %s", first, last)
	}
	for part, want := range map[domain.IDPart]bool{"3b0c5d11": true, "102f6f3b0c5d11": true, "0198c2f4": false} {
		if part.Ends(id) != want {
			t.Errorf("%s ends %s: %v", part, id, !want)
		}
	}
	if whole, ok := domain.IDPart(strings.ReplaceAll(id.String(), "-", "")).ID(); !ok || whole != id {
		t.Errorf("whole: %s, %v", whole, ok)
	}
	if _, ok := domain.IDPart("3b0c5d11").ID(); ok {
		t.Error("a part is taken for an id")
	}
}

func TestThereIsOneIDOfAPartOrAnErrorThatHelps(t *testing.T) {
	var ids []uuid.UUID
	for i := range 6 {
		ids = append(ids, uuid.UUID{15: byte(i)})
	}
	part := domain.IDPart("000000")
	if id, err := part.Only("run", ids[3:4]); id != ids[3] || err != nil {
		t.Errorf("one: %s, %v", id, err)
	}
	if _, err := part.Only("run", nil); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	for n, want := range map[int]string{2: "part of 2 ids", 5: "part of 5 ids", 6: "part of more than 5 ids"} {
		_, err := part.Only("run", ids[:n])
		if !errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ids[1].String()) {
			t.Errorf("%d: %v", n, err)
		}
	}
}
