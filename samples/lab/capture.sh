#!/bin/bash
# Makes the captures of this folder with real clients and servers: curl, dig, openssl and Chromium on one side,
# dnsmasq, nginx, openssl and aioquic on the other, in two network namespaces joined by a cable (veth) and by nothing else.
#
#   sudo samples/lab/capture.sh [FOLDER [CAPTURE...]]       (default: this folder, all captures)
#
# Nothing leaves the machine: neither namespace has a way out. All addresses are of 198.18.0.0/15. What the script
# starts it ends by process id; namespaces, resolver files and the work folder are removed, also after an error.
# Needs root, iproute2, tcpdump, editcap (wireshark-common), dnsmasq, nginx, openssl, curl, dig, python3; chromium and
# aioquic (pip) are used if they are there.
#
#   client namespace                      server namespace
#   198.19.0.10 ── veth ── 198.19.0.1 ──  198.18.0.2   dnsmasq
#                                         198.18.1.11  nginx: TLS 1.2 on 443 and 8443, HTTP on 80
#                                         198.18.1.12  nginx: TLS 1.2 and 1.3
#                                         198.18.1.13  nginx: the certificate of an interceptor
#                                         198.18.1.14  openssl s_server: TLS 1.0 on 443, TLS 1.1 on 444;
#                                                      DTLS 1.2 on 4433, DTLS 1.0 on 4434
#                                         198.18.1.15  aioquic (quic_server.py): HTTP/3 in QUIC version 1
#                                         198.18.1.16  the same, which first sends a Retry
#                                         198.18.1.17  the same, which knows QUIC version 2 alone
#                                         198.18.2.1   (no answer)   .2 (prohibited)   .3 (unreachable)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "${1:-$here}" && pwd)
only=("${@:2}")
work=$(mktemp -d)
client=flowsift-client-$$
server=flowsift-server-$$
started=()

clean_up() {
    trap - EXIT INT TERM
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
    ip netns del "$client" 2>/dev/null || true
    ip netns del "$server" 2>/dev/null || true
    rm -rf "/etc/netns/$client" "$work"
    rmdir /etc/netns 2>/dev/null || true
}
trap clean_up EXIT
trap 'exit 130' INT TERM

on_client() { ip netns exec "$client" "$@"; }
on_server() { ip netns exec "$server" "$@"; }
# Starts a server in the background and remembers its process.
serve() { ip netns exec "$server" "$@" >"$work/server.log" 2>&1 & started+=($!); }

build_network() {
    ip netns add "$client"
    ip netns add "$server"
    mkdir -p "/etc/netns/$client"
    echo "nameserver 198.18.0.2" >"/etc/netns/$client/resolv.conf"
    for ns in "$client" "$server"; do
        ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
        ip -n "$ns" link set lo up
    done
    ip link add lab0 netns "$client" type veth peer name lab0 netns "$server"
    ip -n "$client" addr add 198.19.0.10/16 dev lab0
    ip -n "$server" addr add 198.19.0.1/16 dev lab0
    ip -n "$client" link set lab0 up
    ip -n "$server" link set lab0 up
    ip -n "$client" route add 198.18.0.0/16 via 198.19.0.1
    on_server sysctl -qw net.ipv4.ip_forward=1
    for address in 0.2 1.11 1.12 1.13 1.14 1.15 1.16 1.17; do
        ip -n "$server" addr add "198.18.$address/32" dev lo
    done
    # The three ways in which a router says no.
    ip -n "$server" route add blackhole 198.18.2.1
    ip -n "$server" route add prohibit 198.18.2.2
    ip -n "$server" route add unreachable 198.18.2.3
}

# An authority NAME under which certificates are signed: authority FILE "SUBJECT"
authority() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "$2" -keyout "$work/$1.key" -out "$work/$1.pem" 2>/dev/null
}

# certificate FILE AUTHORITY NAME...
certificate() {
    local file=$1 by=$2 names
    shift 2
    names=$(printf 'DNS:%s,' "$@")
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$work/$file.key" -out "$work/$file.csr" 2>/dev/null
    openssl x509 -req -in "$work/$file.csr" -CA "$work/$by.pem" -CAkey "$work/$by.key" -CAcreateserial -days 365 \
        -extfile <(echo "subjectAltName=${names%,}") -out "$work/$file.pem" 2>/dev/null
}

# key_hash FILE: what a browser is told instead of the authority; it takes up a session only where nothing was wrong.
key_hash() {
    openssl x509 -in "$work/$1.pem" -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64
}

make_certificates() {
    # A stand-in for Microsoft's authority, and one for an interceptor's; both exist only while this runs.
    authority good "/C=US/O=Microsoft Corporation/CN=Microsoft Azure RSA TLS Issuing CA 03"
    authority wrong "/C=US/O=Zscaler Inc./CN=Zscaler Intermediate Root CA"
    certificate app good "*.salestim.io" salestim.io
    certificate others good www.example.org "*.salestim.io" "*.blob.core.windows.net" graph.microsoft.com \
        "*.example.org"
    certificate filter wrong gateway.filter.example
}

start_dns() {
    serve dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --user=root --pid-file= \
        --bind-interfaces --listen-address=198.18.0.2 --local-ttl=60 \
        --cname=app.salestim.io,app-tm.trafficmanager.net --cname=app-tm.trafficmanager.net,lab-fd.azurefd.net \
        --host-record=lab-fd.azurefd.net,198.18.1.11 \
        --cname=api.salestim.io,lab13-fd.azurefd.net --host-record=lab13-fd.azurefd.net,198.18.1.12 \
        --cname=dist.salestim.io,filter-fd.azurefd.net --host-record=filter-fd.azurefd.net,198.18.1.13 \
        --cname=connectedapps.salestim.io,old-fd.azurefd.net --host-record=old-fd.azurefd.net,198.18.1.14 \
        --cname=stappsaprd.blob.core.windows.net,blob.ams20prdstr08a.store.core.windows.net \
        --host-record=blob.ams20prdstr08a.store.core.windows.net,198.18.1.12 \
        --host-record=graph.microsoft.com,198.18.1.12 --host-record=www.example.org,198.18.1.12 \
        --host-record=help.salestim.com,198.18.2.1 --host-record=www.nbold.co,198.18.2.2 \
        --host-record=teams.microsoft.com,198.18.2.3 \
        --cname=admin.salestim.io,quic-fd.azurefd.net --host-record=quic-fd.azurefd.net,198.18.1.15 \
        --host-record=retry.example.org,198.18.1.16 --host-record=v2.example.org,198.18.1.17 \
        --host-record=hidden.example.org,198.18.1.12 --dns-rr="hidden.example.org,65,$(https_record cover.example.org)" \
        --host-record=veiled.example.org,198.18.1.15 --dns-rr="veiled.example.org,65,$(https_record cover.example.org)" \
        --local=/intercom.io/ --address=/dc.services.visualstudio.com/0.0.0.0
}

# https_record COVER: an HTTPS record (RFC 9460) in hexadecimal, ALPN h2 and h3, with an Encrypted Client Hello
# configuration whose public name is COVER. Its key is a real one that no server here has.
https_record() {
    openssl genpkey -algorithm X25519 -outform DER -out "$work/ech.der"
    python3 - "$1" "$work/ech.der" <<'PYTHON'
import subprocess, sys
from struct import pack
public = subprocess.run(["openssl", "pkey", "-in", sys.argv[2], "-pubout", "-outform", "DER"], capture_output=True).stdout[-32:]
sized = lambda form, body: pack(form, len(body)) + body
# Config id 7, KEM X25519, one suite: HKDF-SHA256 with AES-128-GCM.
key_config = pack(">BH", 7, 0x20) + sized(">H", public) + sized(">H", pack(">HH", 1, 1))
contents = key_config + pack(">B", 64) + sized(">B", sys.argv[1].encode()) + sized(">H", b"")
configs = sized(">H", pack(">H", 0xFE0D) + sized(">H", contents))
parameters = pack(">H", 1) + sized(">H", b"\x02h2\x02h3") + pack(">H", 5) + sized(">H", configs)
print((pack(">H", 1) + b"\0" + parameters).hex())
PYTHON
}

start_web() {
    head -c 2000 /dev/zero | tr '\0' '.' >"$work/index.html"
    cat >"$work/nginx.conf" <<NGINX
daemon off; master_process off; user root; pid $work/nginx.pid; error_log $work/nginx.log;
events {}
http {
    access_log off; root $work; ssl_session_tickets off; keepalive_timeout 2s;
    client_body_temp_path $work/body; proxy_temp_path $work/proxy; fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi; scgi_temp_path $work/scgi;
    server {
        listen 198.18.1.11:80; listen 198.18.1.11:443 ssl http2; listen 198.18.1.11:8443 ssl;
        ssl_protocols TLSv1.2; ssl_certificate $work/app.pem; ssl_certificate_key $work/app.key;
    }
    server {
        listen 198.18.1.12:443 ssl http2;
        ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate $work/others.pem; ssl_certificate_key $work/others.key;
    }
    server {
        listen 198.18.1.13:443 ssl;
        ssl_protocols TLSv1.2; ssl_certificate $work/filter.pem; ssl_certificate_key $work/filter.key;
    }
}
NGINX
    serve nginx -p "$work" -c "$work/nginx.conf" -e "$work/nginx.log"
    local port version
    for version in tls1:443 tls1_1:444; do
        port=${version#*:}
        serve openssl s_server -accept "198.18.1.14:$port" "-${version%:*}" -cipher DEFAULT@SECLEVEL=0 -www -quiet \
            -cert "$work/app.pem" -key "$work/app.key"
    done
    for version in dtls1_2:4433 dtls1:4434; do
        port=${version#*:}
        serve openssl s_server -accept "198.18.1.14:$port" "-${version%:*}" -cipher DEFAULT@SECLEVEL=0 -quiet \
            -cert "$work/app.pem" -key "$work/app.key"
    done
}

# HTTP/3, where aioquic is there.
start_quic() {
    python3 -c 'import aioquic' 2>/dev/null || return 0
    serve python3 "$here/quic_server.py" "$work/others.pem" "$work/others.key" "$work/index.html" \
        198.18.1.15=plain 198.18.1.16=retry 198.18.1.17=v2
}

# record NAME COMMAND...: captures on the client's end of the cable while COMMAND runs. A pcapng is converted from a
# nanosecond pcap, so that no file says on which machine it was made.
record() {
    local file=$1 raw=$work/raw.pcap precision=micro pid
    shift
    if ((${#only[@]})) && [[ " ${only[*]} " != *" $file "* ]]; then return; fi
    if [[ $file == *.pcapng ]]; then precision=nano; fi
    ip netns exec "$client" tcpdump -q -U -i lab0 "--time-stamp-precision=$precision" -w "$raw" "not arp" \
        >"$work/capture.log" 2>&1 &
    pid=$!
    started+=("$pid")
    sleep 2
    "$@"
    sleep 3
    kill -TERM "$pid"
    wait "$pid" || true
    if [[ $file == *.pcapng ]]; then
        editcap -F pcapng "$raw" "$out/$file"
    else
        cp "$raw" "$out/$file"
    fi
    chmod 644 "$out/$file"
    echo "$file: $(stat -c %s "$out/$file") bytes"
}

fetch() { on_client curl -4 -sS -o /dev/null --cacert "$work/good.pem" --max-time 8 "$@" || true; }
ask() { on_client dig +tries=1 +time=2 +noedns +short "$@" >/dev/null || true; }

visit_with_curl() {
    fetch --tls-max 1.2 --http2 https://app.salestim.io/
    fetch https://app.salestim.io:8443/
    fetch http://app.salestim.io/
    fetch --tlsv1.3 https://api.salestim.io/
    fetch --tls-max 1.2 https://stappsaprd.blob.core.windows.net/
    fetch --http1.1 --tls-max 1.2 https://graph.microsoft.com/
    fetch https://www.example.org/
}

visit_the_filter() {
    fetch --insecure https://dist.salestim.io/
    # The client that checks refuses, with an alert.
    fetch https://dist.salestim.io/index.html
}

visit_old_servers() {
    local version
    for version in tls1:443 tls1_1:444; do
        ask connectedapps.salestim.io
        printf 'GET / HTTP/1.0\r\n\r\n' | on_client openssl s_client -connect "198.18.1.14:${version#*:}" "-${version%:*}" \
            -cipher DEFAULT@SECLEVEL=0 -servername connectedapps.salestim.io -quiet >/dev/null 2>&1 || true
    done
    # A server that knows no older version answers with an alert.
    ask app.salestim.io
    on_client openssl s_client -connect 198.18.1.11:443 -tls1_1 -cipher DEFAULT@SECLEVEL=0 -servername app.salestim.io \
        </dev/null >/dev/null 2>&1 || true
}

# OpenSSL's servers ask for a cookie, and cut their certificates into small pieces.
talk_in_datagrams() {
    local version
    for version in dtls1_2:4433 dtls1:4434; do
        ask connectedapps.salestim.io
        { echo hello; sleep 1; } | on_client timeout 3 openssl s_client -connect "198.18.1.14:${version#*:}" "-${version%:*}" \
            -cipher DEFAULT@SECLEVEL=0 -servername connectedapps.salestim.io -quiet >/dev/null 2>&1 || true
    done
}

run_into_walls() {
    fetch --tls-max 1.2 https://app.salestim.io/
    ask widget.intercom.io
    ask dc.services.visualstudio.com
    ask js.intercomcdn.com
    fetch https://app.salestim.io:9443/
    fetch --connect-timeout 5 https://help.salestim.com/
    fetch https://www.nbold.co/
    fetch https://teams.microsoft.com/
    sleep 4
    ask www.example.org
    ask +tcp app.salestim.io
}

# browse SECONDS WORD...: a browser with a fresh profile, and nothing of its own to look for in the network.
browse() {
    local seconds=$1
    shift
    rm -rf "$work/profile"
    on_client timeout "$seconds" chromium --headless --no-sandbox --disable-gpu --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync --disable-default-apps \
        --disable-extensions --user-data-dir="$work/profile" "$@" >/dev/null 2>"$work/chromium.log" || true
}

browse_over_tcp() {
    browse 25 --disable-quic --ignore-certificate-errors --virtual-time-budget=4000 --dump-dom https://app.salestim.io/
    sleep 4
}

# One page over TCP, from which all the others are fetched over QUIC: one as it should be and a while later again (with
# the ticket of the first visit), one behind a Retry, one of another version, two whose names are to be hidden.
browse_over_quic() {
    local hosts=(admin.salestim.io retry.example.org v2.example.org veiled.example.org) forced
    forced=$(printf '%s:443,' "${hosts[@]}")
    printf '<script>const go = name => fetch(`https://${name}/`, {mode: "no-cors"}).catch(() => 0);\n' >"$work/quic.html"
    printf 'go("%s");\n' "${hosts[@]}" hidden.example.org >>"$work/quic.html"
    printf 'setTimeout(go, 3000, "admin.salestim.io");</script>\n' >>"$work/quic.html"
    browse 14 --enable-quic --origin-to-force-quic-on="${forced%,}" --remote-debugging-port=0 \
        --ignore-certificate-errors-spki-list="$(key_hash others)" \
        --host-resolver-rules="MAP *.google.com ^NOTFOUND, MAP *.googleapis.com ^NOTFOUND" \
        https://www.example.org/quic.html
}

build_network
make_certificates
start_dns
start_web
start_quic
sleep 1
record curl.pcap visit_with_curl
record filter.pcap visit_the_filter
record old-versions.pcap visit_old_servers
record datagrams.pcap talk_in_datagrams
record walls.pcap run_into_walls
if command -v chromium >/dev/null; then
    record chromium.pcapng browse_over_tcp
    record chromium-quic.pcapng browse_over_quic
fi
