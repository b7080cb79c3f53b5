# Front door. `make help` lists what there is; the build proper is meson.build.
SHELL := bash
export PATH := $(CURDIR)/.node/bin:$(PATH)

BUILD ?= build
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
GENERATION ?= 2
NODES ?= 1
# what a devnet takes: cgroups, namespaces, a device of its own
AS_ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo env 'PATH="$(PATH)"')
# contracts, alert rules and packages, and jobs by the hundred in workers that no sanitizer sees into
NOT_SANITIZED := contracts,observability,packaging,ctl_docs,ctl_exec
SANITIZE := -Db_sanitize=address,undefined -Dbuildtype=debugoptimized
FUZZ := -Db_lundef=false -Dfuzz=true -Dtests=false
MESON_SETUP := meson setup --prefix=$(PREFIX)

.DEFAULT_GOAL := help
.PHONY: help setup build demo devnet test test-asan test-vm lint fuzz bench screenshots soak install install-runtime uninstall deb clean enclave

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing to build, run and test (apt-get, npm)
	@tools/setup.sh

build: setup ## Build the executor and its tools into build/
	@[ -f $(BUILD)/build.ninja ] || $(MESON_SETUP) $(BUILD)
	@ninja -C $(BUILD)

demo: build ## One job from end to end on a chain of its own (GENERATION=1|2)
	@$(AS_ROOT) node devnet/demo.mjs --generation $(GENERATION)

devnet: build ## A local chain with contracts and a node that stay up (GENERATION=1|2, NODES=1)
	@$(AS_ROOT) node devnet/devnet.mjs --generation $(GENERATION) --nodes $(NODES)

test: build ## Every test: unit, differential, end to end, faults, documents
	@tools/setup.sh test
	@node tests/run.mjs --build $(BUILD)

test-asan: ## The unit and end-to-end tests under ASan and UBSan
	@tools/setup.sh test
	@[ -f build-asan/build.ninja ] || $(MESON_SETUP) $(SANITIZE) build-asan
	@ninja -C build-asan
	@node tests/run.mjs --build build-asan --suites unit,e2e --without $(NOT_SANITIZED)

test-vm: build ## The node and its workers in a virtual machine (QEMU, Debian's kernel, cgroup version 2)
	@tools/setup.sh vm
	@node tests/run.mjs --build $(BUILD) --suites vm

lint: ## Format, includes, static analysis
	@tools/setup.sh lint
	@tools/lint.sh

fuzz: ## Each fuzz target for FUZZ_SECONDS (60)
	@tools/setup.sh fuzz
	@[ -f build-fuzz/build.ninja ] || CC=clang $(MESON_SETUP) $(SANITIZE) $(FUZZ) build-fuzz
	@ninja -C build-fuzz
	@tests/fuzz/run.sh build-fuzz $(FUZZ_SECONDS)

soak: build ## 2,000 jobs in a row on one pool; 100 times kill -9 over 200 jobs, twice; ten minutes of random faults
	@$(BUILD)/tests/soak/pool_soak
	@CRASH_KILLS=100 CRASH_JOBS=200 node --test --test-reporter=spec tests/fault/crash.test.mjs
	@node tests/soak/faults.mjs --minutes 10

bench: build ## Latency, throughput and memory, measured on a local chain
	@node bench/run.mjs
	@echo; node bench/endpoints.mjs
	@echo; echo 'the worker alone, code ready → response, beside plain workerd serve:'; $(BUILD)/bench/worker_bench
	@echo; echo 'a million open foreign jobs, each event read twice:'; $(BUILD)/bench/scale

enclave: ## The enclave's image in build/enclave (CONFIG=file; more: docs/enclave.md)
	@tools/setup.sh enclave
	@node tools/enclave/build.mjs --config "$(CONFIG)" --table "$(TABLE)" --kernel "$(KERNEL)" --modules "$(MODULES)" \
		--cmdline "$(CMDLINE)" --compress "$(COMPRESS)" --resolver "$(RESOLVER)" --out "$(OUT)"

screenshots: build ## The pictures of docs/dashboard.md, taken anew
	@tools/setup.sh test
	@node tools/screenshots.mjs

install: build ## Install under PREFIX (/usr/local)
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@ninja -C $(BUILD) >/dev/null
	@meson install -C $(BUILD) --no-rebuild
	@cp $(BUILD)/meson-logs/install-log.txt $(BUILD)/installed.txt # tests and packages overwrite the log

install-runtime: setup ## Install workerd under PREFIX/lib/oyster, where config.json looks with PREFIX=/usr
	@install -D -m 755 "$$(ls node_modules/@cloudflare/workerd-linux-*/bin/workerd | head -1)" \
	    "$(DESTDIR)$(PREFIX)/lib/oyster/workerd"
	@mkdir -p $(BUILD) && echo "$(DESTDIR)$(PREFIX)/lib/oyster/workerd" | tee $(BUILD)/installed-runtime.txt

deb: build ## Build a Debian package into build/
	@deploy/debian/build.sh $(BUILD)

uninstall: ## Remove what make install and make install-runtime have installed
	@ls $(BUILD)/installed*.txt >/dev/null 2>&1 || { echo "uninstall: nothing was installed from $(BUILD)" >&2; exit 1; }
	@cat $(BUILD)/installed*.txt >$(BUILD)/meson-logs/install-log.txt
	@ninja -C $(BUILD) uninstall
	@rm $(BUILD)/installed*.txt

clean: ## Remove everything that was built
	@rm -rf build build-* devnet/out
