#!/bin/sh
# One file without any library, for carrying into a lab: musl, with libpcap inside. It listens too.
#
#   packaging/static/build.sh [cargo's options]      the result: target/x86_64-unknown-linux-musl/release/flowsift
#
# libpcap must be built for musl, and without what it would want from others (D-Bus, USB, netlink's library): its source is
# taken from $LIBPCAP_SOURCE (an unpacked folder), else from Debian's (apt-get source, where deb-src lines are set).
set -eu
cd "$(dirname "$0")/../.."

machine=$(uname -m)
target=$machine-unknown-linux-musl
work=${CARGO_TARGET_DIR:-target}/static
missing() {
    echo "make static: $1" >&2
    exit 1
}

command -v musl-gcc >/dev/null || missing "musl-gcc is missing: apt-get install musl-tools"
for tool in flex bison make; do
    command -v $tool >/dev/null || missing "$tool is missing: apt-get install $tool"
done
[ -d /usr/include/linux ] || missing "the kernel's headers are missing: apt-get install linux-libc-dev"
if command -v rustup >/dev/null && ! rustup target list --installed | grep -qx "$target"; then
    missing "Rust's library for musl is missing: rustup target add $target"
fi

mkdir -p "$work"
if [ ! -f "$work/libpcap.a" ]; then
    source=${LIBPCAP_SOURCE:-}
    if [ -z "$source" ]; then
        (cd "$work" && apt-get source -q libpcap >/dev/null 2>&1) ||
            missing "libpcap's source is missing: set LIBPCAP_SOURCE to its folder, or give apt deb-src lines"
        source=$(find "$work" -maxdepth 1 -type d -name 'libpcap-*' | head -n 1)
    fi
    # musl has no headers of the kernel: those of the system, behind musl's own.
    headers=$work/kernel-headers
    mkdir -p "$headers"
    rm -rf "$work/libpcap"
    cp -R "$source" "$work/libpcap"
    for part in linux asm-generic; do ln -sfn "/usr/include/$part" "$headers/$part"; done
    asm=/usr/include/$machine-linux-gnu/asm
    [ -d "$asm" ] || asm=/usr/include/asm
    ln -sfn "$asm" "$headers/asm"
    here=$(pwd)
    case $headers in /*) ;; *) headers=$here/$headers ;; esac
    echo "building libpcap for musl from $source"
    (cd "$work/libpcap" && { make distclean || true; } &&
        CC=musl-gcc CFLAGS="-O2 -idirafter $headers" ./configure --host="$machine-linux-musl" --disable-shared \
            --disable-dbus --disable-usb --disable-bluetooth --disable-rdma --without-libnl --without-dag --without-septel \
            --without-snf --without-turbocap --without-dpdk &&
        make libpcap.a) >"$work/libpcap.log" 2>&1 || missing "libpcap could not be built: $work/libpcap.log says why"
    cp "$work/libpcap/libpcap.a" "$work/libpcap.a"
fi

LIBPCAP_LIBDIR=$(cd "$work" && pwd)
export LIBPCAP_LIBDIR LIBPCAP_VER=1.9.1
export "CC_$(echo "$target" | tr - _)=musl-gcc"
[ $# -gt 0 ] || set -- --release
exec "${CARGO:-cargo}" build --target "$target" "$@"
