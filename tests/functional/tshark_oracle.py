#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Our names against tshark's, over the shared captures; and that every capture replays at all.

  tests/functional/tshark_oracle.py [--binary build/sallyport] [--jobs N] [CAPTURE...]

For each capture, two checks:
  replay CAPTURE   exit 0, or exit 1 with a message for a capture that is itself cut short; never a signal, never a
                   sanitizer's report; each line of the events is JSON
  names CAPTURE    the set of (source, source port, destination, destination port, protocol, name) of DNS
                   questions, TLS server names and HTTP hosts that fit one packet is tshark's, for IPv4 and
                   IPv6 outside tunnels

tshark sees more than one packet at a time (reassembly, tunnels, QUIC); what it can only know that way is taken
out on its side by asking it per frame: no reassembly of streams or fragments, no tunnel, no QUIC.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS_MAX = 300
SANITIZER_EXITS = {99, 66, 77}
FIELDS = ["frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "udp.srcport", "udp.dstport",
          "tcp.srcport", "tcp.dstport", "dns.qry.name", "tls.handshake.extensions_server_name",
          "http.host", "http.request.method", "ip.flags.mf", "ip.frag_offset", "ipv6.fraghdr.offset"]
# One packet at a time: what a later packet completes is not known yet when this one is judged.
ONE_PACKET = ["tcp.desegment_tcp_streams:FALSE", "ip.defragment:FALSE", "ipv6.defragment:FALSE",
              "tls.desegment_ssl_records:FALSE", "tls.desegment_ssl_application_data:FALSE",
              "http.desegment_headers:FALSE", "http.desegment_body:FALSE", "dns.desegment_dns_messages:FALSE",
              "tcp.try_heuristic_first:FALSE"]
# Names that stand whole in the first segment of a ClientHello whose rest comes later or never: we tell them,
# tshark waits for the end. Their truth: README.md of the shared data.
EARLY = {
    "ndpi-tls_missing_ch_frag.pcap": {"r1---sn-5f5nxgvh5o-hjul.googlevideo.com"},
    "sv-tls-client-hello-frag-mtu300.pcap": {"www.google.com"},
}
TUNNELS = {"vxlan", "geneve", "gre", "ipip", "6in4", "teredo", "gtp", "etherip"}


def shared_captures():
    named = os.environ.get("SALLYPORT_SHARED_DATA")
    folder = pathlib.Path(named) if named else ROOT.parent / "shared" / "data"
    folder = folder / "pcaps"
    return sorted(folder.glob("*.pcap*")) if folder.is_dir() else []


def canonical(name):
    """As we write names: lower case, no final dot, no port, bytes outside letters and digits as they come."""
    name = name.lower()
    if name.startswith("[") and "]" in name:
        name = name[1:name.index("]")]
    elif name.count(":") == 1:
        name = name.split(":")[0]
    return name[:-1] if name.endswith(".") and len(name) > 1 else name


def comparable(name):
    """Names of plain host characters: others are escaped differently by each program."""
    return bool(name) and all(c.isalnum() or c in "-_.:" for c in name) and name.isascii()


def tshark_rows(capture):
    command = ["tshark", "-n", "-r", str(capture), "-T", "fields", "-E", "separator=|", "-E", "occurrence=f",
               "-d", "udp.port==5353,dns"]
    for field in FIELDS:
        command += ["-e", field]
    for preference in ONE_PACKET:
        command += ["-o", preference]
    done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    for line in done.stdout.splitlines():
        parts = line.split("|")
        if len(parts) == len(FIELDS):
            yield dict(zip(FIELDS, parts))


def tshark_names(capture):
    found, connections = set(), set()
    for row in tshark_rows(capture):
        protocols = row["frame.protocols"].split(":")
        if TUNNELS & set(protocols) or protocols.count("ip") + protocols.count("ipv6") != 1:
            continue
        if "quic" in protocols or "icmp" in protocols or "icmpv6" in protocols:
            continue
        if row["ip.flags.mf"] in ("1", "True") or row["ip.frag_offset"] not in ("", "0") or row["ipv6.fraghdr.offset"]:
            continue
        ends = (row["ip.src"] or row["ipv6.src"], row["ip.dst"] or row["ipv6.dst"])
        if row["udp.srcport"]:
            # DNS on its own port; mDNS and LLMNR never leave the link.
            if row["dns.qry.name"] and "53" in (row["udp.srcport"], row["udp.dstport"]) and "dns" in protocols:
                flow = (*ends, row["udp.srcport"], row["udp.dstport"])
                if row["udp.srcport"] == "53" and row["udp.dstport"] != "53":
                    flow = (flow[1], flow[0], flow[3], flow[2])
                found.add(("udp", *flow, canonical(row["dns.qry.name"])))
        elif row["tcp.srcport"]:
            name = row["tls.handshake.extensions_server_name"]
            if not name and row["http.request.method"]:
                name = row["http.host"]
            flow = ("tcp", *ends, row["tcp.srcport"], row["tcp.dstport"])
            if name and flow not in connections:  # a connection is judged by its first request
                connections.add(flow)
                found.add((*flow, canonical(name)))
    return {entry for entry in found if comparable(entry[-1])}


def our_names(events):
    found = set()
    for event in events:
        source, destination = event.get("source", {}), event.get("destination", {})
        ends = (source.get("ip"), destination.get("ip"), str(source.get("port")), str(destination.get("port")))
        transport = event.get("network", {}).get("transport")
        asked = event.get("dns", {}).get("question", {}).get("name")
        if asked and transport == "udp":
            found.add(("udp", *ends, canonical(asked)))
        elif event.get("sallyport", {}).get("name", {}).get("source") in ("sni", "http_host"):
            name = destination.get("domain") or event.get("tls", {}).get("client", {}).get("server_name")
            if name and transport == "tcp":
                found.add(("tcp", *ends, canonical(name)))
    return {entry for entry in found if comparable(entry[-1])}


def replay(binary, capture, work):
    events = work / "events.ndjson"
    done = subprocess.run([str(binary), "replay", str(capture), "--events", str(events)], cwd=work, text=True,
                          capture_output=True, timeout=SECONDS_MAX, check=False, errors="replace")
    told = " / ".join(done.stderr.strip().splitlines()[-6:])
    if done.returncode < 0 or done.returncode in SANITIZER_EXITS or "Sanitizer" in done.stderr or \
            "runtime error" in done.stderr:
        return None, f"exit {done.returncode}: {told}"
    if done.returncode != 0:
        return None, f"exit {done.returncode}: {told}"
    return [json.loads(line) for line in events.read_text().splitlines()], None


def check(capture, binary):
    work = pathlib.Path(tempfile.mkdtemp(prefix="sallyport-oracle-"))
    try:
        events, problem = replay(binary, capture, work)
        if problem:
            return [f"not ok replay {capture.name}: {problem}"]
        lines = [f"ok replay {capture.name}"]
        if shutil.which("tshark") is None:
            return lines + [f"skip names {capture.name}: tshark is not installed"]
        ours, theirs = our_names(events), tshark_names(capture)
        early = {entry for entry in ours - theirs if entry[-1] in EARLY.get(capture.name, ())}
        ours -= early
        if ours == theirs:
            return lines + [f"ok names {capture.name} ({len(ours)})"]
        return lines + [f"not ok names {capture.name}: only tshark {sorted(theirs - ours)[:4]}, "
                        f"only ours {sorted(ours - theirs)[:4]}"]
    except (subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        return [f"not ok replay {capture.name}: {error}"]
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures", nargs="*", type=pathlib.Path)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "build" / "sallyport")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    binary = options.binary.resolve()
    captures = options.captures or shared_captures()
    if not captures:
        print("skip tshark_oracle: no shared captures on this machine")
        return 0
    if not binary.exists():
        print(f"not ok tshark_oracle: {binary} is not built")
        return 1
    failed = False
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for lines in pool.map(lambda capture: check(capture.resolve(), binary), captures):
            print("\n".join(lines), flush=True)
            failed |= any(line.startswith("not ok") for line in lines)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
