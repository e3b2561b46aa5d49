package main_test

import (
	"bytes"
	"os"
	"testing"
)

// TestNothingFillsInTemplates: where text/template may be run, the linker keeps every
// method of the program, because a template can call each. That costs 6 MB.
func TestNothingFillsInTemplates(t *testing.T) {
	linked, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(linked, []byte("text/template.(*state).evalField")) {
		t.Error("text/template is linked; go build -ldflags=-dumpdep names what calls it")
	}
	if !bytes.Contains(linked, []byte("scrapelog/handlers/notify.named")) {
		t.Error("the binary does not name its functions: this test sees nothing")
	}
}
