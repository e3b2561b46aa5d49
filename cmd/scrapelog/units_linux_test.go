package main_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var exposure = regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)

// TestTheUnitsAreValidAndHardened lets systemd read the units of deploy and count how much
// of the machine they may reach: 10 is all of it.
func TestTheUnitsAreValidAndHardened(t *testing.T) {
	if testing.Short() {
		t.Skip("needs systemd-analyze; make test runs it")
	}
	for _, unit := range []string{"scrapelog.service", "scrapelog-worker.service"} {
		path := write(t, filepath.Join(t.TempDir(), unit), strings.ReplaceAll(read(t, "../../deploy/systemd/"+unit), "/usr/bin/scrapelog", binary))
		if out, err := exec.Command("systemd-analyze", "verify", "--man=no", path).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v %s", unit, err, out)
		}
		out, err := exec.Command("systemd-analyze", "security", "--offline=yes", "--no-pager", path).CombinedOutput()
		level := exposure.FindSubmatch(out)
		if err != nil || level == nil {
			t.Errorf("%s: %v %s", unit, err, out)
			continue
		}
		if exposed, err := strconv.ParseFloat(string(level[1]), 64); err != nil || exposed >= 2.5 {
			t.Errorf("%s is exposed by %s, want less than 2.5", unit, level[1])
		}
	}
}
