# The binary needs no C and holds no path of the machine that built it, and nothing of git,
# which a worktree or an archive has otherwise: VERSION says it. Tests
# need a C compiler: the race detector is written in C.
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
# grpcnotrace leaves out the pages of gRPC's own traces: gRPC comes with OTLP's messages and
# is not used. Nothing is inlined into the pages: what templ generates calls the same few
# functions thousands of times, which is a megabyte; they render within 4 % as fast.
GOFLAGS_BUILD := -trimpath -buildvcs=false -tags grpcnotrace -gcflags scrapelog/handlers/web/pages=-l -ldflags '-s -w -X main.stamped=$(VERSION)'
# SQLite and its libc are C translated into Go: checking each of their accesses to their own
# memory finds nothing and takes five times as long.
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false
FOLDERS := cmd docs domain eventstore handlers projections
FUZZTIME ?= 60s
SOAK ?= 10m
PREFIX ?= /usr/local
BINARY ?= bin/scrapelog

.DEFAULT_GOAL := help
.PHONY: help run build install release quick test check bench crash witness restore soak assets pictures fuzz

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: ## the demo: a server, a worker and a small site to scrape
	@[ -x bin/scrapelog ] || echo 'Building scrapelog: two to five minutes the first time, seconds later.'
	@$(MAKE) --no-print-directory -s build
	@bin/scrapelog demo

build: ## bin/scrapelog, one static binary
	CGO_ENABLED=0 go build $(GOFLAGS_BUILD) -o $(BINARY) ./cmd/scrapelog

install: build ## put bin/scrapelog into PREFIX/bin (/usr/local)
	install -D -m 0755 bin/scrapelog $(DESTDIR)$(PREFIX)/bin/scrapelog

release: ## archives, packages and checksums of every system, in dist/, and their sizes
	.ci/release

quick: ## every test that needs only Go, in about a minute; names what it skips
	.ci/quick

test: ## every test under -race; installs what is missing through apt, where it may
	.ci/provision test
	GORACE=atexit_sleep_ms=20 CGO_ENABLED=1 go test $(RACE) -timeout 20m ./... # not a second after each process
	go test -run '^(TestSimulated|FuzzPages)' ./cmd/scrapelog ./handlers/web # too much for the race detector

check: ## format, lint, scripts, generated files (made current), reference, import arrows, known vulnerabilities
	@test -z "$$(gofmt -l $(FOLDERS))" || { gofmt -l $(FOLDERS); echo 'run gofmt -w on these'; exit 1; }
	go tool -modfile=.ci/tools/go.mod golangci-lint run
	.ci/shell
	.ci/generated
	go test -run '^Test(Arrows|DocsReference)' ./cmd/scrapelog
	.ci/vulnerabilities

bench: ## one table of figures beside rivals and goals; BENCH='-times 3', or '-events 60000' for a look
	go run ./cmd/bench $(BENCH)

crash: ## kill -9, 4,000 times, on both databases; the log is held against what the scrapers saw
	.ci/crash

witness: ## a log that is rolled back and forked before litewitness, a witness of others
	SCRAPELOG_LITEWITNESS=$$(go tool -modfile=.ci/tools/witness.mod -n litewitness) go test -count=1 -v -run '^TestAWitness' ./cmd/scrapelog

restore: ## back to a point in time, on a PostgreSQL cluster with an archive
	.ci/provision test
	go test -run '^TestBackToAPointInTime$$' ./cmd/scrapelog -pointintime

soak: ## ten minutes of every fault on both databases: what was taken is given back
	go run ./cmd/crashcheck -duration $(SOAK) -bound 5s

assets: ## refresh the front-end libraries from npm
	sh handlers/web/assets/build.sh

pictures: build ## pictures of the pages, to look at, in the folder pictures; then those of docs, in ten minutes
	go run ./handlers/web/webtest/screens
	go run ./handlers/web/webtest/tour

fuzz: ## every fuzz test for FUZZTIME (60s)
	.ci/fuzz $(FUZZTIME)
