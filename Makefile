# The two commands of the README are `make run` and `make test`. CI calls `make check` and `make test`.

CARGO ?= cargo
TARGET = $(or $(CARGO_TARGET_DIR),target)
# Tests can stop the product at named points; a release has none of them. Always the same packages and features: what one
# target has built, the next one does not build again.
WHOLE = --workspace --features chiliview-worker/failpoints

.PHONY: run test tour clients check build openapi bench clean

run: ## Build and start on http://127.0.0.1:8000, data in ./data
	$(CARGO) run --release -p chiliview -- serve

test: build ## Everything: both engines, the real worker, the tour, traces, generated clients
	tools/with-postgres $(CARGO) test $(WHOLE)

tour: build ## The product from the first start to a damaged disk: tests/tour.rs
	$(CARGO) test $(WHOLE) --test product tour -- --nocapture

clients: build ## Generate clients from the contract; they drive a running service
	$(CARGO) test $(WHOLE) --test product clients -- --nocapture

check: ## Format, lints, licences, the contract
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(WHOLE) --all-targets -- -D warnings
	tools/deny
	$(MAKE) build
	$(TARGET)/debug/chiliview openapi --check openapi/chiliview.json

build:
	$(CARGO) build $(WHOLE) --all-targets

openapi: ## Write the contract anew
	$(CARGO) run -p chiliview -- openapi --out openapi/chiliview.json

bench: ## Measure, as ratios side by side
	benches/run

clean:
	$(CARGO) clean
