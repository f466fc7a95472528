#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same traffic once through the kernel's NAT and once through the gateway: the servers must have seen the
same requests, of the same sizes, from addresses of the same pools. Also proves the lab itself: what fails with
the kernel in the middle is the lab's fault."""

from labkit import DEFAULT_POOL, ECHO_PORT, PAYMENTS_POOL, Gateway, Lab, run

PODS = {"api-1": PAYMENTS_POOL, "ledger-0": PAYMENTS_POOL, "web-1": DEFAULT_POOL, "cache-2": DEFAULT_POOL}
URLS = ("http://cdn.clean.example/", "https://api.partner.example/", "https://cdn.clean.example/1MiB")

KERNEL_GATEWAY = """
set -e
ip address add 10.1.0.1/24 dev gw-in
ip address add 192.0.2.2/24 dev gw-out
for last in $(seq 16 19) $(seq 32 35); do ip address add 192.0.2.$last/32 dev gw-out; done
ip route add default via 192.0.2.1
ip route add 10.42.1.0/24 via 10.1.0.11
ip route add 10.42.2.0/24 via 10.1.0.12
sysctl -qw net.ipv4.ip_forward=1
nft -f - <<RULES
table ip oracle {
  chain postrouting {
    type nat hook postrouting priority 100
    ip saddr {10.42.1.10, 10.42.1.11, 10.42.2.10} oifname gw-out snat to 192.0.2.16-192.0.2.19
    ip saddr 10.42.0.0/16 oifname gw-out snat to 192.0.2.32-192.0.2.35
  }
}
RULES
"""


def traffic(lab):
    """What clients got and servers saw, in words that do not depend on the ports that were drawn."""
    seen = {}
    for pod, pool in PODS.items():
        for url in URLS:
            code, body, error = lab.curl(pod, url, "-o", "/dev/null", "-w", "%{http_code} %{size_download}")
            seen[f"{pod} {url}"] = (code, body, error)
        answer = lab.traffic_result(pod, "udp-once", "203.0.113.7", ECHO_PORT)
        seen[f"{pod} udp"] = (answer["answer"], answer.get("seen_address") in pool)
        closed = lab.traffic_result(pod, "udp-once", "198.51.100.10", 9998)
        seen[f"{pod} closed udp port"] = (closed.get("type"), closed.get("code"), closed.get("from"))
        ping = lab.run(pod, "ping", "-c", "3", "-i", "0.2", "-W", "2", "198.51.100.10")
        seen[f"{pod} ping"] = ping.returncode == 0
        flows = lab.traffic_result(pod, "tcp-flows", "203.0.113.9", ECHO_PORT, 50, 1)
        seen[f"{pod} tcp flows"] = flows["echoed"] == flows["flows"]
    pools = PAYMENTS_POOL, DEFAULT_POOL
    served = sorted((s["host"], s["uri"], s["status"], s["bytes"], [s["client"] in pool for pool in pools])
                    for s in lab.served())
    return seen, served


def works(value):
    """curl's status 0, an echo from the pool's address, or the server's own port unreachable."""
    return value is True or (isinstance(value, tuple) and (value[0] == 0 or value in {("echo", True),
                                                           (3, 3, "198.51.100.10")}))


def test(checks):
    with Lab() as lab:
        done = lab.run("gateway", "bash", "-c", KERNEL_GATEWAY)
        checks.ok("the kernel stands in as gateway", done.returncode == 0, done.stderr)
        kernel_seen, kernel_served = traffic(lab)
        bad = {name: value for name, value in kernel_seen.items() if not works(value)}
        checks.ok("the lab works with the kernel as gateway", not bad, bad)
    with Lab() as lab, Gateway(lab):
        ours_seen, ours_served = traffic(lab)
    for name, value in kernel_seen.items():
        checks.ok(f"same for the client: {name}", ours_seen[name] == value, f"kernel {value}, ours {ours_seen[name]}")
    checks.ok("same for the servers", ours_served == kernel_served, f"kernel {kernel_served}, ours {ours_served}")


if __name__ == "__main__":
    run(test)
