# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    plain = dns_query("malware.example")
    return [Ether(src=plain.src, dst=plain.dst) / Dot1AD(vlan=100) / Dot1Q(vlan=5) / plain.payload]
