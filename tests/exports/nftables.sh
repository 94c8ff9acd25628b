# Run in a network namespace of its own: FOLDER has `rules` (an exported nftables list) and `resolver` (the dnsmasq list of the same policy).
# Loads them, tries to connect under a policy that drops the rest, and prints a line an attempt: its name, then `passed` or `dropped`.
set -e
cd "$1"
ip link set lo up
for address in 198.18.1.12 198.18.2.7 198.18.3.1 198.18.5.5 198.18.9.9; do
    ip addr add $address/32 dev lo
done
ip addr add 2001:db8:2::7/128 dev lo nodad
nft -c -f rules && echo "checked"
# Twice: a newer list takes the place of the older.
nft -f rules
nft -f rules
cat > frame <<END
table inet flowsift {
    chain output {
        type filter hook output priority filter; policy drop;
        ip daddr 127.0.0.0/8 accept
        ct state established,related accept
        tcp flags rst accept
        jump allowed
    }
}
END
nft -f frame
# Nobody listens: what passes is refused at once, what is dropped is silence.
attempt() {
    if timeout 0.4 bash -c "exec 3<>/dev/tcp/$2/$3" 2> refusal; then
        echo "$1 open"
    elif grep -q refused refusal; then
        echo "$1 passed"
    else
        echo "$1 dropped"
    fi
}
attempt range 198.18.2.7 443
attempt range-on-80 198.18.2.7 80
attempt range-other-port 198.18.2.7 8443
attempt range-v6 2001:db8:2::7 443
attempt relay 198.18.1.12 8443
attempt relay-other-port 198.18.1.12 443
attempt stranger 198.18.9.9 443
attempt name-before-it-is-asked-for 198.18.3.1 443
if dnsmasq --version | grep -q ' nftset'; then
    dnsmasq --test -C resolver 2>&1 | grep -o 'syntax check OK'
    dnsmasq -k --no-resolv --no-hosts --pid-file= --port=5353 --listen-address=127.0.0.1 --bind-interfaces \
        --user=root --address=/app.lab.example/198.18.3.1 --address=/other.example/198.18.5.5 &
    upstream=$!
    dnsmasq -k --no-resolv --no-hosts --pid-file= --port=53 --listen-address=127.0.0.1 --bind-interfaces \
        --user=root --server=127.0.0.1#5353 --conf-file="$1/resolver" &
    front=$!
    trap 'kill $upstream $front 2> /dev/null' EXIT
    for wait in 1 2 3 4 5 6 7 8 9 10; do
        # Ask for A app.lab.example and other.example.
        printf '\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03app\x03lab\x07example\x00\x00\x01\x00\x01' > /dev/udp/127.0.0.1/53 2> /dev/null || true
        printf '\x12\x35\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05other\x07example\x00\x00\x01\x00\x01' > /dev/udp/127.0.0.1/53 2> /dev/null || true
        sleep 0.3
        nft list set inet flowsift f1_lab_app_names4 | grep -q 198.18.3.1 && break
    done
    attempt name-once-it-is-asked-for 198.18.3.1 443
    attempt name-other-port 198.18.3.1 80
    attempt unlisted-name 198.18.5.5 443
fi
