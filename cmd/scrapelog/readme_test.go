package main_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"scrapelog/handlers/gate/gatetest"
)

// reader does what the README says, in its order: files are written, commands run as they
// are printed, and what they print is held against what stands there.
type reader struct {
	t         *testing.T
	dir       string
	addresses *strings.Replacer // those of the README, to free ones
	api       api
	demo      *process
	worker    string // address
}

// TestReadme is one story, from the archive to the first scrape of your own.
func TestReadme(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 20 seconds for the demo; make test runs it")
	}
	t.Parallel()
	listen, worker := gatetest.FreeAddress(t), gatetest.FreeAddress(t)
	for variable, value := range map[string]string{"SCRAPELOG_LISTEN": listen, "SCRAPELOG_SERVER": "http://" + listen} {
		setenv(t, variable, value)
	}
	r := &reader{t: t, dir: t.TempDir(), api: api{t, "http://" + listen}, worker: worker}
	r.addresses = strings.NewReplacer("127.0.0.1:8080", listen, "127.0.0.1:9090", worker)
	done := 0
	for _, block := range regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```").FindAllStringSubmatch(read(t, "../../README.md"), -1) {
		switch language, text := block[1], block[2]; language {
		case "yaml":
			name, _, _ := strings.Cut(strings.TrimPrefix(text, "# "), "\n")
			write(t, filepath.Join(r.dir, name), r.addresses.Replace(text))
		case "":
			for _, message := range messages(text) {
				await(t, 30*time.Second, "the demo says "+message, func() bool { return shown(message).MatchString(r.demo.out.String()) })
			}
		case "sh":
			for line := range strings.Lines(text) {
				done++
				r.runs(strings.TrimSpace(line), "…")
			}
		case "console":
			for _, part := range strings.Split("\n"+text, "\n$ ")[1:] {
				done++
				line, output, _ := strings.Cut(part, "\n")
				r.runs(line, output)
			}
		default:
			t.Errorf("the README has a block of %s, which no test reads", language)
		}
	}
	if done < 12 {
		t.Errorf("only %d commands were found", done)
	}
}

// messages are those of the demo, each of which may be broken into lines elsewhere.
func messages(text string) (all []string) {
	for line := range strings.Lines(text) {
		if begins := strings.HasPrefix(line, "full-catalogue") || strings.HasPrefix(line, "The worker"); begins || len(all) == 0 {
			all = append(all, "")
		}
		all[len(all)-1] += line
	}
	return all
}

// runs runs one command line.
func (r *reader) runs(line, output string) {
	r.t.Helper()
	switch words := strings.Fields(line); {
	case words[0] == "tar":
		r.packs(words[2])
	case words[0] == "cd":
		r.dir = filepath.Join(r.dir, words[1])
		return
	case words[0] == "make":
		if out, err := exec.Command("make", "-n", "-C", "../..", words[1]).CombinedOutput(); err != nil {
			r.t.Errorf("%s: %v\n%s", line, err, out)
		}
		return
	case line == "./scrapelog demo":
		r.demo = r.begins(line)
		r.api.ready()
		return
	case words[0] == "./scrapelog" && words[1] == "serve":
		if code := r.demo.stop(r.t); code != 0 { // which has the same address
			r.t.Errorf("the demo ends with %d", code)
		}
		r.begins(line)
		r.api.ready()
		return
	case words[0] == "./scrapelog" && words[1] == "worker":
		r.begins(line)
		await(r.t, 30*time.Second, "the worker listens", func() bool {
			connection, err := net.Dial("tcp", r.worker)
			if err == nil {
				_ = connection.Close()
			}
			return err == nil
		})
		return
	case words[0] == "kill":
		line = fmt.Sprintf("kill -9 %d", workerIn(r.t, r.demo, `full-catalogue is running now.*kill -9 (\d+)`))
	}
	r.prints(line, output)
}

// begins starts a command that goes on.
func (r *reader) begins(line string) *process {
	return launch(r.t, exec.Command("sh", "-c", "cd "+r.dir+" && exec "+line), line)
}

// prints runs a command to its end and compares what it prints on stdout. What reads the
// log is asked again until all of its last second is signed.
func (r *reader) prints(line, output string) {
	r.t.Helper()
	want := regexp.MustCompile(`^` + shown(output).String() + `$`)
	for deadline := time.Now().Add(30 * time.Second); ; {
		out, errs, err := r.executes(line)
		switch {
		case err == nil && want.MatchString(out), strings.Contains(line, "runs start") && strings.Contains(errs, "is still open"): // the schedule was faster
			return
		case err != nil:
			r.t.Fatalf("%s: %v\n%s%s", line, err, out, errs)
		case !strings.Contains(line, " events ") || time.Now().After(deadline):
			r.t.Fatalf("%s prints\n%s\nand in the README\n%s", line, out, output)
		}
	}
}

// executes runs a command line where the story is.
func (r *reader) executes(line string) (out, errs string, err error) {
	var said, told strings.Builder
	cmd := exec.CommandContext(r.t.Context(), "sh", "-c", line)
	cmd.Dir, cmd.Env = r.dir, append(os.Environ(), append(environment(r.t), "XDG_STATE_HOME="+stateHome(r.t))...)
	cmd.Stdout, cmd.Stderr = &said, &told
	err = cmd.Run()
	return strings.TrimSpace(said.String()), told.String(), err
}

// packs makes the archive of a release, as .ci/release does.
func (r *reader) packs(archive string) {
	r.t.Helper()
	folder := strings.TrimSuffix(archive, ".tar.gz")
	if err := os.Mkdir(filepath.Join(r.dir, folder), 0o755); err != nil {
		r.t.Fatal(err)
	}
	copied(r.t, binary, filepath.Join(r.dir, folder, "scrapelog"))
	line := fmt.Sprintf("tar cf - %s | gzip -1 > %s && rm -r %s", folder, archive, folder)
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = r.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("%v\n%s", err, out)
	}
}

func copied(t *testing.T, from, to string) {
	t.Helper()
	source, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err == nil {
		_, err = io.Copy(target, source)
	}
	if err == nil {
		err = target.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// shown matches text as the README shows it: words with digits (ids, times, positions) may
// be others, "…" stands for any text, and columns may be wider.
func shown(text string) *regexp.Regexp {
	digit := regexp.MustCompile(`[0-9]`)
	var fields []string
	for _, field := range strings.Fields(text) {
		switch {
		case field == "…":
			field = `(?:.|\n)*?`
		case digit.MatchString(field):
			field = `\S+`
		default:
			field = strings.ReplaceAll(regexp.QuoteMeta(field), "…", `\S*`)
		}
		fields = append(fields, field)
	}
	return regexp.MustCompile(strings.Join(fields, `\s*`))
}
