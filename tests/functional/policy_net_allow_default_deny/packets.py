# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    return (tcp_flow("198.51.100.40", 8443, b"x", source_port=42040)
            + [frame(IP(src=API, dst="198.51.100.40") / TCP(sport=42041, dport=22, flags="S")),
               frame(IP(src=API, dst="203.0.113.5") / TCP(sport=42042, dport=8443, flags="S")),
               frame(IP(src=WEB, dst="203.0.113.5") / TCP(sport=42043, dport=22, flags="S"))])
