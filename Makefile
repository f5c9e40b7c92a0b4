# The two commands of the README are `make run` and `make test`. CI calls `make check` and `make test`.

CARGO ?= cargo
# Tests can stop the product at named points; a release has none of them.
FAILPOINTS = --features chiliview-snapshot/failpoints,chiliview-store/failpoints,chiliview-worker/failpoints

.PHONY: run test check openapi clients bench clean

run: ## Build and start on http://127.0.0.1:8000, data in ./data
	$(CARGO) run --release -p chiliview -- serve

test: ## Everything: both engines, the real worker, the tour, traces, generated clients
	$(CARGO) build --workspace --all-targets $(FAILPOINTS)
	tools/with-postgres $(CARGO) test --workspace $(FAILPOINTS)

check: ## Format, lints, licences, the contract
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets $(FAILPOINTS) -- -D warnings
	tools/deny

openapi: ## Write the contract anew
	$(CARGO) run -p chiliview -- openapi --out openapi/chiliview.json

bench: ## Measure, as ratios side by side
	benches/run

clean:
	$(CARGO) clean
