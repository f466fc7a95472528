# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    return [frame(IP(src=API, dst="203.0.113.80") / TCP(sport=42001, dport=443, flags="S", seq=7)),
            frame(IP(src=API, dst="203.0.113.129") / UDP(sport=42002, dport=9999) / Raw(b"hello")),
            frame(IP(src=API, dst="203.0.113.1") / UDP(sport=42003, dport=9999) / Raw(b"hello"))]
