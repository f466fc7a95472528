# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    return (tcp_flow("198.51.100.21", 443, client_hello("good.malware.example"), source_port=42021)
            + tcp_flow("198.51.100.22", 443, client_hello("bad.malware.example"), source_port=42022))
