# SPDX-License-Identifier: Apache-2.0
import struct

from craft import *


def packets():
    return [dns_query("one.example", number=1, port=40001), dns_query("two.example", number=2, port=40002),
            dns_query("three.example", number=3, port=40003)]


def mangle(data):
    offset = 24
    for _ in range(2):
        offset += 16 + struct.unpack_from("<I", data, offset + 8)[0]
    return data[:offset + 8] + b"\xff\xff\xff\xff" + data[offset + 12:]
