# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    return tcp_flow("198.51.100.9", 80, http_get("MALWARE.example:80"), source=WEB, source_port=41003)
