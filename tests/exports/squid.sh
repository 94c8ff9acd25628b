# Run in a network namespace of its own: FOLDER has `list` (an exported Squid list). Real requests by curl through a real Squid.
# Prints a line a request: its name, then `passed` or `refused`.
set -e
cd "$1"
ip link set lo up
ip addr add 198.18.1.11/32 dev lo
ip addr add 198.18.1.12/32 dev lo
cat > names <<END
198.18.1.11 app.lab.example lab.example evillab.example app.lab.example.evil.example exact.example below.exact.example -i.example
198.18.1.12 relay.example other.example
END
cat > squid.conf <<END
http_port 127.0.0.1:3128
hosts_file $1/names
dns_nameservers 127.0.0.1
include $1/list
http_access deny all
cache deny all
access_log none
cache_log $1/log
pid_filename none
pinger_enable off
shutdown_lifetime 0 seconds
END
chmod 777 . && chmod 644 list names squid.conf
echo "parsed: $(squid -k parse -f "$1/squid.conf" 2>&1 | grep -ciE 'warning|error|fatal' || true)"
echo hello > index.html
for port in 443 80 8443; do
    python3 -m http.server --bind 0.0.0.0 $port > /dev/null 2>&1 &
    servers="$servers $!"
done
squid -N -f "$1/squid.conf" > /dev/null 2>&1 &
proxy=$!
trap 'kill $servers $proxy 2> /dev/null' EXIT
ask() {
    what=$1
    shift
    code=$(curl -s -o answer -w '%{http_code} %{http_connect}' --noproxy '' --max-time 5 -x http://127.0.0.1:3128 "$@" || true)
    case "$code" in
        "200 "*) echo "$what passed" ;;
        *403*) echo "$what refused" ;;
        *) echo "$what $code" ;;
    esac
}
for wait in 1 2 3 4 5 6 7 8 9 10; do
    curl -s -o /dev/null --max-time 1 http://127.0.0.1:3128/ && curl -s -o /dev/null --max-time 1 http://198.18.1.11:8443/ && break
    sleep 0.5
done
ask below -p http://app.lab.example:443/
ask apex -p http://lab.example:443/
ask look-alike -p http://evillab.example:443/
ask suffix -p http://app.lab.example.evil.example:443/
ask exact -p http://exact.example:443/
ask hyphen -p http://-i.example:443/
ask below-exact -p http://below.exact.example:443/
ask other-port -p http://app.lab.example:8443/
ask plain-on-443 http://app.lab.example:443/
ask plain-on-80 http://exact.example/
ask tunnel-to-80 -p http://exact.example:80/
ask by-address http://198.18.1.12:8443/
ask by-name-at-address http://relay.example:8443/
ask bare-address -p http://198.18.1.11:443/
ask unlisted -p http://other.example:443/
