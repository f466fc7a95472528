# SPDX-License-Identifier: Apache-2.0
from craft import *

LINK = "raw"
FORMAT = "pcap"


def packets():
    return [dns_query("malware.example")] + tcp_flow("198.51.100.9", 443, client_hello("www.malware.example"))
