# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    # The destination is a broadcast here, because the device's own address is not known beforehand; the
    # first frame teaches the gateway where the node is.
    asked = Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, hwsrc="02:00:00:00:00:01", psrc=NODE, hwdst="00:00:00:00:00:00", pdst=GATEWAY)
    query = dns_query("login.malware.example")
    query.dst = "02:70:63:61:70:00"  # what net_pcap calls its first device
    return {"inside.pcap": [asked, query], "outside.pcap": []}
