#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Traffic for the lab's tests; run inside a pod, prints one JSON object when done.

    traffic.py udp-sequence ADDRESS PORT RATE     numbered datagrams on one flow until SIGTERM; which echoes came
    traffic.py udp-flows PREFIX PORT RATE SECONDS one datagram and its echo a flow, every flow new (0 s: until SIGTERM)
    traffic.py tcp-flows ADDRESS PORT RATE SECONDS  connect, 100 bytes each way, close (0 s: until SIGTERM)
    traffic.py udp-once ADDRESS PORT              one datagram: its echo, the ICMP error it got, or nothing
"""

import asyncio
import ipaddress
import json
import select
import signal
import socket
import struct
import sys
import time

IP_RECVERR = 11  # linux/in.h
MSG_ERRQUEUE = 0x2000  # linux/socket.h
ERROR_ORIGINS = {1: "local", 2: "icmp", 3: "icmp6"}  # linux/errqueue.h
STRAGGLER_SECONDS = 1.5
ANSWER_SECONDS_MAX = 2.0
SOURCE_PORTS = 1500  # sockets of udp-flows; flows are (socket, destination) pairs

stopped = False


def stop(*_):
    global stopped
    stopped = True


class Pace:
    """Lets `rate` things a second through, catching up in bursts of at most `burst`."""

    def __init__(self, rate, burst=64):
        self.rate, self.burst = rate, burst
        self.start, self.done = time.monotonic(), 0

    def due(self):
        return min(self.burst, int((time.monotonic() - self.start) * self.rate) - self.done)

    def take(self, count):
        self.done += count


def udp_sequence(address, port, rate):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.connect((address, port))
    sock.setblocking(False)
    pace, sent, seen, doubled, reordered, highest, errors = Pace(rate), 0, set(), 0, 0, -1, 0
    deadline = None
    while deadline is None or (time.monotonic() < deadline and len(seen) < sent):
        if stopped and deadline is None:
            deadline = time.monotonic() + STRAGGLER_SECONDS
        due = 0 if deadline else max(0, pace.due())
        for _ in range(due):
            try:
                sock.send(struct.pack("!Q", sent) + bytes(56))
                sent += 1
            except OSError:
                errors += 1
        pace.take(due)
        select.select([sock], [], [], 0.0005)
        while True:
            try:
                number = struct.unpack("!Q", sock.recv(2048)[:8])[0]
            except BlockingIOError:
                break
            except OSError:
                errors += 1
                break
            doubled += number in seen
            reordered += number < highest
            highest = max(highest, number)
            seen.add(number)
    lost = sorted(set(range(sent)) - seen)
    return {"sent": sent, "received": len(seen), "lost": len(lost), "lost_first": lost[:10], "doubled": doubled,
            "reordered": reordered, "errors": errors, "source_port": sock.getsockname()[1]}


def udp_flows(prefix, port, rate, seconds):
    sockets = []
    for _ in range(SOURCE_PORTS):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("0.0.0.0", 0))
        sock.setblocking(False)
        sockets.append(sock)
    poller = select.epoll()
    by_descriptor = {sock.fileno(): sock for sock in sockets}
    for descriptor in by_descriptor:
        poller.register(descriptor, select.EPOLLIN)
    destinations = [str(host) for host in ipaddress.ip_network(prefix).hosts()]
    pace, sent, received, errors = Pace(rate), 0, 0, 0
    end = time.monotonic() + seconds if seconds else float("inf")
    deadline = None
    while deadline is None or (time.monotonic() < deadline and received < sent):
        if deadline is None and (stopped or time.monotonic() >= end):
            deadline = time.monotonic() + STRAGGLER_SECONDS
        due = 0 if deadline else max(0, pace.due())
        for _ in range(due):
            sock = sockets[sent % SOURCE_PORTS]
            try:
                sock.sendto(b"flow", (destinations[(sent // SOURCE_PORTS) % len(destinations)], port))
            except OSError:
                errors += 1
            sent += 1
        pace.take(due)
        for descriptor, _ in poller.poll(0.001):
            while True:
                try:
                    by_descriptor[descriptor].recv(2048)
                    received += 1
                except OSError:
                    break
    # Each pair of socket and destination is one flow, however often it is used.
    distinct = min(sent, SOURCE_PORTS * len(destinations))
    return {"flows": sent, "distinct": distinct, "echoed": received, "errors": errors}


async def tcp_flow(address, port, result):
    try:
        reader, writer = await asyncio.open_connection(address, port)
        writer.write(bytes(100))
        await asyncio.wait_for(reader.readexactly(100), 10)
        writer.close()
        await writer.wait_closed()
        result["echoed"] += 1
    except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
        result["errors"] += 1


async def tcp_flows(address, port, rate, seconds):
    result, tasks, pace = {"flows": 0, "echoed": 0, "errors": 0}, set(), Pace(rate)
    end = time.monotonic() + seconds if seconds else float("inf")
    while not stopped and time.monotonic() < end:
        due = max(0, pace.due())
        for _ in range(due):
            task = asyncio.ensure_future(tcp_flow(address, port, result))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        result["flows"] += due
        pace.take(due)
        await asyncio.sleep(0.002)
    if tasks:
        await asyncio.wait(tasks, timeout=15)
    return result


def extended_error(sock):
    """The queued ICMP error: struct sock_extended_err (linux/errqueue.h), then who sent it."""
    _, control, _, _ = sock.recvmsg(2048, 512, MSG_ERRQUEUE)
    for level, kind, value in control:
        if (level, kind) == (socket.IPPROTO_IP, IP_RECVERR):
            _, origin, icmp_type, icmp_code = struct.unpack("=IBBB", value[:7])
            return {"answer": ERROR_ORIGINS.get(origin, str(origin)), "type": icmp_type, "code": icmp_code,
                    "from": socket.inet_ntoa(value[20:24])}
    return {"answer": "error"}


def udp_once(address, port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    sock.connect((address, port))
    sock.settimeout(ANSWER_SECONDS_MAX)
    sock.send(b"who are you talking to?")
    try:
        text = sock.recv(2048).decode("ascii", "replace")
        return {"answer": "echo", "seen_address": text.split()[-2], "seen_port": int(text.split()[-1])}
    except (TimeoutError, socket.timeout):
        return {"answer": "none"}
    except OSError:
        return extended_error(sock)


def main(arguments):
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    match arguments:
        case ["udp-sequence", address, port, rate]:
            return udp_sequence(address, int(port), float(rate))
        case ["udp-flows", prefix, port, rate, seconds]:
            return udp_flows(prefix, int(port), float(rate), float(seconds))
        case ["tcp-flows", address, port, rate, seconds]:
            return asyncio.run(tcp_flows(address, int(port), float(rate), float(seconds)))
        case ["udp-once", address, port]:
            return udp_once(address, int(port))
    sys.exit(__doc__)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])), flush=True)
