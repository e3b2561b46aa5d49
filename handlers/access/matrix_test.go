package access_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"scrapelog/handlers/access"
)

var update = flag.Bool("update", false, "write the table into docs/access.md")

func TestTheDocumentHasTheTable(t *testing.T) {
	const file = "../../docs/access.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(text), "| route |")
	if want := before + access.Markdown(); string(text) != want {
		if !*update {
			t.Fatal("docs/access.md has another table of routes: go test ./handlers/access -update")
		}
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARouteWithoutARowIsNamed(t *testing.T) {
	e := echo.New()
	e.GET("/healthz", nil)
	if err := access.Check(e); err != nil {
		t.Errorf("it has a row: %v", err)
	}
	e.POST("/healthz", nil)
	if err := access.Check(e); err == nil || !strings.Contains(err.Error(), "POST /healthz") {
		t.Errorf("got %v", err)
	}
}
