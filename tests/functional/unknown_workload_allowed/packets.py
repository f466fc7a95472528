# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    return [frame(IP(src="10.42.9.9", dst="198.51.100.50") / UDP(sport=42050, dport=9999) / Raw(b"who am I"))]
