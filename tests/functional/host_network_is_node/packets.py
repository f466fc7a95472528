# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    return [frame(IP(src=NODE, dst="198.51.100.61") / UDP(sport=42061, dport=9999) / Raw(b"metrics"))]
