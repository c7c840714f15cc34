# Short names for the commands that are used most; `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help run test bench bench-peers measure generate lint vuln ci release screenshots clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start the console with its simulator on 127.0.0.1:8080
	go run .

test: ## run every test; what needs Chromium or PostgreSQL says so and skips where they are missing
	go test ./...

bench: ## measure what docs/performance.md tells, and print its table
	go -C tools/bench run .

bench-peers: ## compare operations and the list with Caddy, which it builds, and the export with the sqlite3 shell where there is one
	folder=$$(mktemp -d) && GOBIN=$$folder go install github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9 && \
	COC_CONSOLE_BENCH_CADDY=$$folder/caddy go -C tools/bench run . -only 'Peers|BesideShell'; status=$$?; rm -rf $$folder; exit $$status

measure: ## Lighthouse over every page, and the ticket page's first paint beside nginx; needs Chromium, nginx and npm
	cd tools/measure && npm ci --ignore-scripts --no-audit --no-fund && node lighthouse.mjs && node paint.mjs

generate: ## write the Go files of the templates
	go generate ./...

lint: ## run golangci-lint; the first run builds it
	go tool -modfile=tools/lint/go.mod golangci-lint run

vuln: ## check for known vulnerabilities; tools/vuln/exceptions.txt has those that do not reach the console
	GOTOOLCHAIN=$$(cat .ci/release-toolchain) go -C tools/vuln run .

ci: ## run everything that a commit must pass
	.ci/run

release: ## build the program, its Debian package and the list of its parts into bin/, twice, to the byte; GOARCH=arm64 for another processor
	COLD=1 .ci/release bin

screenshots: ## take the pictures of the README; needs Chromium
	COC_CONSOLE_TEST_SCREENSHOTS=$(CURDIR)/docs/screenshots COC_CONSOLE_TEST_REQUIRE=1 go test -count=1 -run='^TestBrowserScreenshots$$' ./internal/e2e/browser

clean: ## remove what builds and tests left here; the console's data stays
	rm -rf bin artifacts coc-console tools/web/node_modules tools/idp/node_modules tools/measure/node_modules
	find . -name '*.test' -type f -delete
