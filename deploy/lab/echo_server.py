#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""UDP and TCP echo on one port of every local address: echo_server.py PORT.

A UDP answer leaves from the address the question came to (IP_PKTINFO), so one socket serves a whole
prefix. A datagram that starts with b"who " is answered with the sender as this side saw it.
"""

import asyncio
import socket
import sys

IP_PKTINFO = 8  # linux/in.h; Python 3.11 does not name it
RECEIVE_BUFFER_BYTES = 8 << 20
IDLE_SECONDS_MAX = 120


def answer_datagrams(sock):
    for _ in range(256):
        try:
            data, control, _, peer = sock.recvmsg(65535, socket.CMSG_SPACE(12))
        except BlockingIOError:
            return
        # in_pktinfo: interface index, local address, header destination (linux/in.h). The reply keeps the
        # address and leaves the interface to routing.
        reply = [(level, kind, b"\0\0\0\0" + value[8:12] + value[8:12])
                 for level, kind, value in control if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO)]
        if data.startswith(b"who "):
            data = f"{data.decode('ascii', 'replace')} {peer[0]} {peer[1]}".encode()
        try:
            sock.sendmsg([data], reply, 0, peer)
        except OSError as error:
            print(f"echo to {peer}: {error}", file=sys.stderr, flush=True)


async def answer_stream(reader, writer):
    try:
        while True:
            data = await asyncio.wait_for(reader.read(65536), IDLE_SECONDS_MAX)
            if not data:
                break
            writer.write(data)
            await writer.drain()
    except (OSError, asyncio.TimeoutError):
        pass
    finally:
        writer.close()


async def serve(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), RECEIVE_BUFFER_BYTES)
    sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    sock.bind(("0.0.0.0", port))
    sock.setblocking(False)
    asyncio.get_running_loop().add_reader(sock, answer_datagrams, sock)
    server = await asyncio.start_server(answer_stream, "0.0.0.0", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(serve(int(sys.argv[1])))
