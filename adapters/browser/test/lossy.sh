#!/bin/sh
# Runs a command in a network namespace, where `nft` can drop real packets: a veth pair with an address and a default route,
# without which WebRTC finds no connection. Needs root, iproute2 and nftables; exits with 77 if it cannot.
set -eu

if [ "${1-}" = --inside ]; then
    shift
    {
        ip link add iw0 type veth peer name iw1
        ip address add 10.99.0.1/24 dev iw0
        for link in lo iw0 iw1; do ip link set "$link" up; done
        ip route add default via 10.99.0.2
        nft add table inet inputwire
        nft add chain inet inputwire input '{ type filter hook input priority 0; }'
    } >/dev/null 2>&1 || exit 77
    INPUTWIRE_LOSSY=1 exec "$@"
fi

for tool in ip nft unshare; do
    command -v "$tool" >/dev/null 2>&1 || exit 77
done
unshare --net true 2>/dev/null || exit 77
exec unshare --net "$0" --inside "$@"
