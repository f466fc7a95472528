# SPDX-License-Identifier: Apache-2.0
import random

from craft import *

NAMES = ["malware.example", "a.malware.example", "clean.example", "ads.example", "xn--80ak6aa92e.example"]


def packets():
    chance = random.Random(20260101)
    flows = []
    for index in range(300):
        source = chance.choice([API, LEDGER, WEB])
        destination = f"198.51.100.{chance.randrange(1, 255)}"
        name = chance.choice(NAMES)
        port = 43000 + index
        kind = chance.randrange(4)
        if kind == 0:
            flows.append([dns_query(name, source=source, port=port, number=index)])
        elif kind == 1:
            flows.append(tcp_flow(destination, 443, client_hello(name), b"answer", source, port))
        elif kind == 2:
            flows.append(tcp_flow(destination, 80, http_get(name), b"answer", source, port))
        else:
            flows.append([frame(IP(src=source, dst=destination) / UDP(sport=port, dport=9999) / Raw(b"x" * index))])
    # Interleaved, each flow's own order kept.
    packets = []
    while flows:
        flow = chance.choice(flows)
        packets.append(flow.pop(0))
        flows = [flow for flow in flows if flow]
    return packets
