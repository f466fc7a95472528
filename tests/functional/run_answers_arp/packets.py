# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    asked = Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, hwsrc="02:00:00:00:00:01", psrc=NODE, hwdst="00:00:00:00:00:00", pdst=GATEWAY)
    return {"inside.pcap": [asked], "outside.pcap": []}
