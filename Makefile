# The first command in a fresh clone may be any of these: each target sets up what
# it needs (see .ci/setup). They need Go, make and, for the rest, a Debian-like
# system and root, or the tools that a message names.

PREFIX ?= /usr/local
SHARE = $(DESTDIR)$(PREFIX)/share
ARGS ?=

# In CI the log names every test, so that it shows what was run and what was skipped.
TESTFLAGS ?= $(if $(CI),-v)
FUZZTIME ?= 30s
SOAKTIME ?= 10m
RCLONE ?= v1.76.0

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# Without paths, cgo and build ids of this machine: the same commit and Go release give the same bytes anywhere.
DATE := $(shell git log -1 --format=%cs 2>/dev/null)
BUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -buildid= -X veriffs/internal/command.version=$(VERSION) -X veriffs/internal/command.date=$(DATE)'

.PHONY: help demo demo-team test test-package test-sharing build bench bench-rclone check soak fuzz install release clean

help: ## say what the targets are for
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## mount a built-in stand-in for the API and look around (ARGS="--exit" to end after the tour)
	@.ci/setup demo
	@bin/veriffs demo $(ARGS)

demo-team: build ## mount twice with one team store, and show that the second mount fetches nothing
	@.ci/setup demo-team
	@go run ./internal/demoteam

test: ## run all tests, on real mounts, under the race detector (TESTFLAGS="-run Name")
	@.ci/setup test
	@.ci/test $(TESTFLAGS)

test-package: ## install both packages in a clean Debian, mount, upgrade and remove, as root; evaluate formula and workflows
	@.ci/setup test-package
	go test -tags cleanroot -count=1 -timeout 60m -v -run '^Test(CleanRoot|Formula|Workflows)' ./packaging

test-sharing: ## share mounts by Samba, NFS and with containers, as root (installs Samba and NFS-Ganesha, whose services Debian starts)
	@.ci/setup test-sharing
	CGO_ENABLED=1 go test -race -tags sharing -count=1 -v -run '^Test(SMB|NFS|ContainerSeesRestart|UserNamespace)' ./internal/command

build: ## build bin/veriffs
	@.ci/setup build
	$(BUILD) -o bin/veriffs .

bench: ## measure everything and write docs/bench.md (ARGS="--only walk,reads" or "--quick" to print a part)
	@.ci/setup bench
	PATH="$(CURDIR)/bin:$$PATH" go run ./internal/bench $(if $(ARGS),$(ARGS),--report docs/bench.md)

bench-rclone: ## install the rclone that make bench compares with into bin/
	@.ci/setup build
	GOBIN='$(CURDIR)/bin' go install github.com/rclone/rclone@$(RCLONE)

check: ## format, vet, linters, vulnerabilities, direction of imports, other platforms
	@.ci/setup build
	@.ci/check

soak: ## run the tests that take their time (SOAKTIME=10m)
	@.ci/setup test
	VERIFFS_SOAK=$(SOAKTIME) .ci/test -v -timeout 0 -run '^TestSoak'

fuzz: ## fuzz everything that reads outside input (FUZZTIME=30s for each target)
	@.ci/setup build
	@.ci/fuzz $(FUZZTIME)

install: build ## install program, manual pages and completions below PREFIX, and below DESTDIR for a package
	rm -rf bin/man1
	bin/veriffs man --dir bin/man1
	bin/veriffs completion bash >bin/veriffs.bash
	bin/veriffs completion zsh >bin/_veriffs
	bin/veriffs completion fish >bin/veriffs.fish
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(SHARE)/man/man1' '$(SHARE)/bash-completion/completions' \
		'$(SHARE)/zsh/site-functions' '$(SHARE)/fish/vendor_completions.d'
	install -m 0755 bin/veriffs '$(DESTDIR)$(PREFIX)/bin/veriffs'
	install -m 0644 bin/man1/*.1 '$(SHARE)/man/man1/'
	install -m 0644 bin/veriffs.bash '$(SHARE)/bash-completion/completions/veriffs'
	install -m 0644 bin/_veriffs '$(SHARE)/zsh/site-functions/_veriffs'
	install -m 0644 bin/veriffs.fish '$(SHARE)/fish/vendor_completions.d/veriffs.fish'

release: ## make archives, packages, bills of materials and checksums in bin/release (VERSION=1.2.3, RELEASE_KEY=key to sign, RELEASE_URL=)
	@.ci/setup build
	rm -rf bin/release
	VERSION='$(VERSION)' packaging/release bin/release

clean: ## remove what was built
	rm -rf bin
