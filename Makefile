# flowsift: make demo | test | bench | bench-page | lint | build | deb | static | container
#
# libpcap is needed only to listen to interfaces (the feature `live`). Where its library is missing it is installed if
# that is possible here (root and apt-get); else flowsift is built without `live`, and says so.

CARGO ?= cargo
BIN := target/release/flowsift
HAS_PCAP = echo 'int main(void){return 0;}' | cc -x c - -lpcap -o /dev/null 2>/dev/null
# Asked when a target runs, after `prepare` had its chance to install the library.
FEATURES = $$($(HAS_PCAP) || echo --no-default-features)

.PHONY: demo test bench bench-page bench-whole bench-floods bench-count bench-parts lint build package deb static container prepare

demo: build
	$(BIN) read --format table samples/office.pcapng

build: prepare
	$(CARGO) build --release $(FEATURES)

test: prepare
	$(CARGO) test $(FEATURES)

# The whole program on three captures that are made once (target/bench), beside the machine's floor and other programs;
# floods; what more cores would do; the parts one by one. All of it prints Markdown.
bench: bench-whole bench-floods bench-count bench-parts

# The same, and the figures of BENCHMARKS.md are rewritten.
bench-page:
	FLOWSIFT_BENCH_PAGE=BENCHMARKS.md $(MAKE) bench

bench-whole: prepare
	$(CARGO) bench $(FEATURES) --bench end_to_end

bench-floods: prepare
	$(CARGO) bench $(FEATURES) --bench end_to_end -- floods

bench-count: prepare
	@if command -v callgrind_annotate >/dev/null; then $(CARGO) bench $(FEATURES) --bench end_to_end -- count; \
	  else echo "valgrind is missing: the work of more cores is not counted (for it: apt-get install valgrind)"; fi

bench-parts: prepare
	$(CARGO) bench $(FEATURES) --bench parts
	$(CARGO) bench $(FEATURES) --bench quic_initial

lint: prepare
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets $(FEATURES) -- -D warnings
	$(CARGO) clippy --all-targets --no-default-features -- -D warnings

# Packages. What a target needs and has not, it names.
PACKAGE := target/package
STATIC := target/$(shell uname -m)-unknown-linux-musl/release/flowsift
# CARGO_DEB: options for cargo-deb, such as --deb-version.
CARGO_DEB ?=

# Manual pages and completions, as the program itself writes them.
package: build
	rm -rf $(PACKAGE) && mkdir -p $(PACKAGE)
	$(BIN) --config none man -o $(PACKAGE)/man1
	for shell in bash zsh fish; do $(BIN) completions $$shell > $(PACKAGE)/flowsift.$$shell || exit 1; done

deb:
	@command -v cargo-deb >/dev/null || { echo "make deb: cargo-deb is missing: cargo install cargo-deb"; exit 1; }
	@command -v dpkg-deb >/dev/null || { echo "make deb: dpkg-deb is missing: this is made on Debian or its kin"; exit 1; }
	@$(MAKE) package
	$(CARGO) deb --no-build $(CARGO_DEB)

static:
	CARGO="$(CARGO)" packaging/static/build.sh --release

container:
	@[ -x $(STATIC) ] || $(MAKE) static
	packaging/container/build.sh $(STATIC)

prepare:
	@command -v $(CARGO) >/dev/null || { echo "flowsift needs a Rust toolchain (1.88 or later): https://rustup.rs"; exit 1; }
	@command -v cc >/dev/null || { echo "flowsift needs a C compiler: apt-get install gcc libc6-dev"; exit 1; }
	@$(HAS_PCAP) || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing libpcap's headers (libpcap-dev)"; \
	    { apt-get install -y -q libpcap-dev || { apt-get update -q && apt-get install -y -q libpcap-dev; }; } >/dev/null 2>&1 || true; \
	  fi; \
	  $(HAS_PCAP) || echo "libpcap is missing: building without live capture (for it: apt-get install libpcap-dev)"; \
	}
