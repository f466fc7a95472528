# SPDX-License-Identifier: Apache-2.0
from craft import *

ANSWERS = True


def packets(sent):
    out = [frame(IP(src=API, dst="198.51.100.70", id=1) / UDP(sport=42070, dport=7000) / Raw(b"ping?")),
           frame(IP(src=WEB, dst="198.51.100.70", id=2) / UDP(sport=42070, dport=7000) / Raw(b"ping?"))]
    answers = [Ether(src="02:00:00:00:00:09", dst="02:00:00:00:00:02")
               / IP(src=packet[IP].dst, dst=packet[IP].src, id=100 + index)
               / UDP(sport=packet[UDP].dport, dport=packet[UDP].sport) / Raw(b"pong!")
               for index, packet in enumerate(sent) if packet.haslayer(UDP) and packet[IP].dst == "198.51.100.70"]
    return out + answers
