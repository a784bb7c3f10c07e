# make help lists the targets. Everything runs with the Node.js that scripts/setup.sh found or fetched.
SHELL := /bin/sh
export PATH := $(CURDIR)/.tools/node/bin:$(CURDIR)/node_modules/.bin:$(PATH)
.DEFAULT_GOAL := help
.PHONY: help setup setup-demo setup-interop build test test-interop fuzz lint demo demo-jaeger bench dashboards docs clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

setup: ## packages, Node.js and dependencies (fetches only what is missing)
	@scripts/setup.sh

build: ## the addon and dist/
	@sh scripts/build-addon.sh
	@tsc -p tsconfig.build.json

test: setup build ## build and run all tests
	@node --test --test-reporter=spec 'test/!(interop)/**/*.test.ts'

# Real servers that have to be fetched or built first, into ~/.cache/spantap: Collector, Jaeger, Prometheus (Go), Kafka (Java, Maven).
# One file after the other: what a shop does on the loopback interface is seen by every agent there.
test-interop: setup-interop build ## beside a real Collector, Jaeger, Prometheus and Kafka (built or fetched once), and the image
	@node --test --test-concurrency=1 --test-reporter=spec 'test/interop/**/*.test.ts'

setup-interop:
	@scripts/setup.sh --interop

# Seconds for each decoder and each other thing that is fuzzed.
FUZZ_SECONDS ?= 300
fuzz: setup ## what make test tries for seconds, for minutes: damaged connections and statements
	@SPANTAP_TEST_FUZZ_SECONDS=$(FUZZ_SECONDS) node --test --test-reporter=spec --test-name-pattern='damaged|mutated' 'test/protocols/*.test.ts' 'test/exchange/sql/*.test.ts'

lint: ## types, format, lint, and which room may import which
	@tsc -p .
	@biome check --error-on-warnings .

demo: setup-demo build ## a shop's services, a live capture of lo, a table of what was seen and a trace
	@node dist/demo/main.js

demo-jaeger: setup-demo build ## the same, shown by a real Jaeger, too (scripts/backends.sh jaeger builds it)
	@node dist/demo/main.js --jaeger

setup-demo:
	@scripts/setup.sh --demo

bench: build ## throughput and cost per packet
	@for file in test/bench/*.ts; do node "$$file" || exit 1; done

dashboards: ## config/grafana/dashboards, from scripts/dashboards
	@node scripts/dashboards/write.ts config/grafana/dashboards

docs: setup ## docs/metrics.md, from the list of meanings
	@node scripts/metrics-doc.ts >docs/metrics.md

clean: ## what build made
	@rm -rf dist build
