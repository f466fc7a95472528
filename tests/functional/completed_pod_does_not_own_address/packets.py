# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    return [frame(IP(src="10.42.2.9", dst="198.51.100.60") / UDP(sport=42060, dport=9999) / Raw(b"late"))]
