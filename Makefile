# The two commands of the README are `make run` and `make test`. CI calls `make check` and `make test`.

CARGO ?= cargo
TARGET = $(or $(CARGO_TARGET_DIR),target)
# Tests can stop the product at named points; a release has none of them. Always the same packages and features: what one
# target has built, the next one does not build again.
CONSOLE = services/console
CONSOLE_SOURCES = $(shell find $(CONSOLE)/src $(CONSOLE)/public $(CONSOLE)/*.html $(CONSOLE)/*.ts $(CONSOLE)/*.js -type f)
WHOLE = --workspace --features chiliview-worker/failpoints

.PHONY: run test tour clients check build console console-check console-test openapi sbom bench clean

run: console ## Build and start on http://127.0.0.1:8000, data in ./data
	$(CARGO) run --release -p chiliview -- serve

test: build ## Everything: both engines, the real worker, the tour, traces, generated clients, the console in a browser
	tools/with-postgres $(CARGO) test $(WHOLE) --no-fail-fast
	$(MAKE) console-test

tour: build ## The product from the first start to a damaged disk: tests/tour.rs
	$(CARGO) test $(WHOLE) --test product tour -- --nocapture

clients: build ## Generate clients from the contract; they drive a running service
	$(CARGO) test $(WHOLE) --test product clients -- --nocapture

check: console-check ## Format, lints, licences, the contract, the console
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(WHOLE) --all-targets -- -D warnings
	tools/deny
	$(MAKE) build
	$(TARGET)/debug/chiliview openapi --check openapi/chiliview.json

# Before the binary, which carries what this leaves in services/console/dist.
console: $(CONSOLE)/dist/index.html ## The web console; needs Node 20.19 or newer

$(CONSOLE)/dist/index.html: $(CONSOLE)/node_modules/.package-lock.json $(CONSOLE_SOURCES)
	cd $(CONSOLE) && npm run build

$(CONSOLE)/node_modules/.package-lock.json: $(CONSOLE)/package-lock.json
	cd $(CONSOLE) && npm ci --ignore-scripts --no-fund --no-audit

console-check: console
	cd $(CONSOLE) && npm run check && npm run size

console-test: console
	cd $(CONSOLE) && CHILIVIEW_BINARY=$(abspath $(TARGET))/debug/chiliview npm test

build: console
	$(CARGO) build $(WHOLE) --all-targets

openapi: ## Write the contract anew
	$(CARGO) run -p chiliview -- openapi --out openapi/chiliview.json

sbom: ## What it is built from, as CycloneDX, into target/sbom
	tools/sbom

bench: ## Measure, as ratios side by side
	benches/run

clean:
	$(CARGO) clean
