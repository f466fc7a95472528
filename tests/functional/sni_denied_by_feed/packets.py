# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    return (tcp_flow("198.51.100.9", 443, client_hello("C2.Malware.example."), source_port=41001)
            + tcp_flow("198.51.100.10", 443, client_hello("clean.example"), source_port=41002))
