#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""200 downloads of 1 MiB at once, half of them over TLS: the bytes, the address the server saw, one flow-start
and one flow-end each, and byte counts that agree with the server's log."""

import collections
import hashlib
import subprocess

from labkit import DEFAULT_POOL, PAYMENTS_POOL, Gateway, Lab, at, run, select

PODS = {"api-1": PAYMENTS_POOL, "api-2": PAYMENTS_POOL, "ledger-0": PAYMENTS_POOL,
        "web-1": DEFAULT_POOL, "web-2": DEFAULT_POOL}
DOWNLOADS_PER_POD = 40
BYTES = 1 << 20
# A TCP/IPv4 packet's headers without and with the largest options (RFC 9293, 3.1; RFC 791, 3.1).
HEADER_BYTES_MIN, HEADER_BYTES_MAX = 40, 80
# TLS on top of nginx's count: records add at most 22 bytes each, one record at most a packet; the handshake
# with one short certificate stays under 8 KiB.
TLS_RECORD_BYTES_MAX, TLS_HANDSHAKE_BYTES_MAX = 22, 8192

SCRIPT = r"""
for number in $(seq "$1"); do
    scheme=http; [ $((number % 2)) -eq 0 ] || scheme=https
    curl -sS -m 100 --cacert "$2" -o "$3/$4-$number" \
        -w "%{local_ip} %{local_port} %{remote_ip} %{remote_port} %{http_code} $3/$4-$number\n" \
        "$scheme://cdn.clean.example/1MiB?from=$4-$number" &
done
wait
"""

Download = collections.namedtuple("Download", "pod ip port server server_port code path")


def download_everything(lab):
    folder = lab.dir / "downloads"
    folder.mkdir()
    clients = [(pod, lab.start(pod, "bash", "-c", SCRIPT, "bash", DOWNLOADS_PER_POD, lab.ca, folder, pod,
                               stdout=subprocess.PIPE, text=True)) for pod in PODS]
    downloads = []
    for pod, client in clients:
        out, _ = client.communicate(timeout=150)
        for line in out.splitlines():
            ip, port, server, server_port, code, path = line.split()
            downloads.append(Download(pod, ip, int(port), server, int(server_port), int(code), path))
    return downloads


def check_bodies(checks, lab, downloads):
    wanted = hashlib.sha256((lab.dir / "nginx/www/1MiB").read_bytes()).hexdigest()
    bad = [d.path for d in downloads
           if d.code != 200 or hashlib.sha256(open(d.path, "rb").read()).hexdigest() != wanted]
    count = len(PODS) * DOWNLOADS_PER_POD
    checks.ok("every download came", len(downloads) == count, f"{len(downloads)} of {count}")
    checks.ok("every byte is right", not bad, f"{len(bad)} differ: {bad[:3]}")


def check_addresses(checks, lab):
    wrong, served = [], [s for s in lab.served() if s["status"] == 200]
    for entry in served:
        pod = entry["uri"].split("from=")[1].rsplit("-", 1)[0]
        if entry["client"] not in PODS[pod]:
            wrong.append(f"{pod} seen as {entry['client']}")
    checks.ok("the server saw only addresses of the pod's pool", served and not wrong,
              f"{len(wrong)} of {len(served)}: {wrong[:3]}")
    return {(s["client"], s["port"]): s for s in served}


def size_problem(end, entry, tls):
    """Server bytes and ours must differ by headers (and TLS framing) alone; retransmissions are in ours."""
    out_of_server = at(end, "destination.bytes") - entry["bytes"]
    packets = at(end, "destination.packets")
    low, high = HEADER_BYTES_MIN * packets, HEADER_BYTES_MAX * packets
    if tls:
        high += TLS_RECORD_BYTES_MAX * packets + TLS_HANDSHAKE_BYTES_MAX
    if out_of_server < low:
        return f"{at(end, 'event.id')}: {out_of_server} bytes over the server's in {packets} packets, at least {low}"
    if out_of_server > high + BYTES // 10:
        return f"{at(end, 'event.id')}: {out_of_server} bytes over the server's in {packets} packets, at most {high}"
    if at(end, "source.bytes") < entry["received"] + HEADER_BYTES_MIN:
        return f"{at(end, 'event.id')}: {at(end, 'source.bytes')} bytes out, the request alone has {entry['received']}"
    return None


def check_events(checks, lab, downloads, served):
    by_flow = collections.defaultdict(lambda: collections.defaultdict(list))
    for event in lab.events():
        if at(event, "sallyport.class") == "flow":
            key = (at(event, "source.ip"), at(event, "source.port"), at(event, "destination.ip"),
                   at(event, "destination.port"), at(event, "network.transport"))
            by_flow[key][at(event, "event.action")].append(event)
    starts, ends, sizes, names, unmatched = [], [], [], [], []
    for d in downloads:
        actions = by_flow[(d.ip, d.port, d.server, d.server_port, "tcp")]
        start, end = actions["flow-start"], actions["flow-end"]
        starts += [d.path] if len(start) != 1 else []
        ends += [d.path] if len(end) != 1 else []
        if len(end) != 1:
            continue
        names += [d.path] if at(end[0], "destination.domain") != "cdn.clean.example" else []
        entry = served.get((at(end[0], "source.nat.ip"), at(end[0], "source.nat.port")))
        if entry is None:
            unmatched.append(d.path)
        elif problem := size_problem(end[0], entry, d.server_port == 443):
            sizes.append(problem)
    for name, bad in (("one flow-start each", starts), ("one flow-end each", ends),
                      ("the server's log has the flow's egress address and port", unmatched),
                      ("byte counts agree with the server's log", sizes), ("each flow has its name", names)):
        checks.ok(name, not bad, f"{len(bad)}: {bad[:3]}")


def check_attribution(checks, lab):
    pods, wrong = lab.pods(), []
    for event in select(lab.events(), event__action="flow-end", network__transport="tcp"):
        pod = pods.get(at(event, "source.ip"))
        if pod is None or at(event, "kubernetes.pod.name") != pod["metadata"]["name"] or \
                at(event, "kubernetes.namespace") != pod["metadata"]["namespace"]:
            wrong.append(at(event, "event.id"))
    checks.ok("each flow has its pod and namespace", not wrong, f"{len(wrong)}: {wrong[:3]}")


def test(checks):
    with Lab() as lab:
        with Gateway(lab) as gateway:
            downloads = download_everything(lab)
            status, _ = gateway.stop()
            checks.ok("the gateway drained", status == 0, f"exit status {status}")
        check_bodies(checks, lab, downloads)
        served = check_addresses(checks, lab)
        check_events(checks, lab, downloads, served)
        check_attribution(checks, lab)


if __name__ == "__main__":
    run(test)
