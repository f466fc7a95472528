# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    return tcp_flow("198.51.100.20", 443, client_hello("cdn.ads.example"), answer=b"bytes", source_port=42020)
