# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    return (tcp_flow("203.0.113.90", 4444, b"beacon", source_port=42010)
            + tcp_flow("203.0.113.90", 443, client_hello("clean.example"), source_port=42011))
