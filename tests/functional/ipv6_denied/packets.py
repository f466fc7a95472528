# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    return [frame(IPv6(src="fd00:42:1::5", dst="2001:db8::70") / UDP(sport=42081, dport=7000) / Raw(b"six"))]
