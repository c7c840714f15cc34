# Short names for the commands that are used most; `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help run test bench measure generate lint ci screenshots clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start the console with its simulator on 127.0.0.1:8080
	go run .

test: ## run every test; what needs Chromium or PostgreSQL says so and skips where they are missing
	go test ./...

bench: ## run every benchmark
	go test -run='^$$' -bench=. -benchmem ./...

measure: ## Lighthouse over every page, and the ticket page's first paint beside nginx; needs Chromium, nginx and npm
	cd tools/measure && npm ci --ignore-scripts --no-audit --no-fund && node lighthouse.mjs && node paint.mjs

generate: ## write the Go files of the templates anew
	go generate ./...

lint: ## run golangci-lint; the first run builds it
	go tool -modfile=tools/lint/go.mod golangci-lint run

ci: ## run everything that a commit must pass
	.ci/run

screenshots: ## write the pictures of the README anew; needs Chromium
	COC_CONSOLE_TEST_SCREENSHOTS=$(CURDIR)/docs/screenshots COC_CONSOLE_TEST_REQUIRE=1 go test -count=1 -run='^TestBrowserScreenshots$$' .

clean: ## remove what builds and tests left here; the console's data stays
	rm -rf bin artifacts coc-console tools/web/node_modules tools/measure/node_modules
	find . -name '*.test' -type f -delete
