# SPDX-License-Identifier: Apache-2.0
from craft import *

ANSWERS = True


def packets(sent):
    out = [frame(IP(src=API, dst="198.51.100.71") / ICMP(type=8, id=0x77, seq=1) / Raw(b"abcdefgh"))]
    return out + [Ether(src="02:00:00:00:00:09", dst="02:00:00:00:00:02")
                  / IP(src=packet[IP].dst, dst=packet[IP].src) / ICMP(type=0, id=packet[ICMP].id, seq=1)
                  / Raw(b"abcdefgh")
                  for packet in sent if packet.haslayer(ICMP) and packet[ICMP].type == 8]
