# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    return [frame(IP(src=API, dst="198.51.100.72", ttl=1) / UDP(sport=42072, dport=33434) / Raw(b"traceroute")),
            frame(IP(src=API, dst="198.51.100.72", ttl=2) / UDP(sport=42073, dport=33435) / Raw(b"traceroute"))]
