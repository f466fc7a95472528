# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    return [dns_query("login.MALWARE.example", number=1, port=40001),
            dns_query("clean.example", number=2, port=40002),
            dns_answer("clean.example", "198.51.100.7", number=2, port=40002)]
