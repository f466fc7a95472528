# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    return (tcp_flow("198.51.100.30", 443, client_hello("up.paste.example"), source_port=42030)
            + tcp_flow("198.51.100.30", 443, client_hello("up.paste.example"), source=WEB, source_port=42031)
            + tcp_flow("198.51.100.31", 443, client_hello("notpaste.example"), source_port=42032))
