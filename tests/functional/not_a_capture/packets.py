# SPDX-License-Identifier: Apache-2.0
def packets():
    return []


def mangle(data):
    return b"this is not a capture\n"
