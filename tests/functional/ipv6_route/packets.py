# SPDX-License-Identifier: Apache-2.0
from craft import *

POD6 = "fd00:42:1::5"  # the second address of payments/api


def packets():
    return [frame(IPv6(src=POD6, dst="2001:db8::70", hlim=64) / UDP(sport=42080, dport=7000) / Raw(b"six"))]
