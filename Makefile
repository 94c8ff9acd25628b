# flowsift: make demo | test | bench | lint | build
#
# libpcap is needed only to listen to interfaces (the feature `live`). Where its library is missing it is installed if
# that is possible here (root and apt-get); else flowsift is built without `live`, and says so.

CARGO ?= cargo
BIN := target/release/flowsift
HAS_PCAP = echo 'int main(void){return 0;}' | cc -x c - -lpcap -o /dev/null 2>/dev/null
# Asked when a target runs, after `prepare` had its chance to install the library.
FEATURES = $$($(HAS_PCAP) || echo --no-default-features)

.PHONY: demo test bench lint build prepare

demo: build
	$(BIN) read --format table samples/office.pcapng

build: prepare
	$(CARGO) build --release $(FEATURES)

test: prepare
	$(CARGO) test $(FEATURES)

# The parts one by one, then the whole program on a capture that is made once (target/bench), beside the machine's floor.
bench: prepare
	$(CARGO) bench $(FEATURES) --bench parts
	$(CARGO) bench $(FEATURES) --bench quic_initial
	$(CARGO) bench $(FEATURES) --bench end_to_end

lint: prepare
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets $(FEATURES) -- -D warnings
	$(CARGO) clippy --all-targets --no-default-features -- -D warnings

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
