# SPDX-License-Identifier: Apache-2.0
from craft import *


def packets():
    return [dns_query("one.example", number=1, port=40001), dns_query("two.example", number=2, port=40002),
            dns_query("three.example", number=3, port=40003)]


def mangle(data):
    return data[:-10]
