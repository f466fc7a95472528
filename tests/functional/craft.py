# SPDX-License-Identifier: Apache-2.0
"""Packets for functional cases, said in the words of the lab's cast.

The cast is common/workloads.json: API and LEDGER are pods of namespace payments, WEB is a pod of frontend,
NODE is a node. Times start at T0 and every packet comes one millisecond after the one before, so a case is
the same bytes on every machine and every day.
"""
import struct

from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

__all__ = [
    "API", "LEDGER", "WEB", "NODE", "RESOLVER", "GATEWAY", "T0", "ARP", "DNS", "DNSQR", "DNSRR", "Dot1AD",
    "Dot1Q", "Ether", "ICMP", "ICMPv6EchoRequest", "IP", "IPv6", "Raw", "TCP", "UDP", "client_hello",
    "dns_answer", "dns_query", "frame", "http_get", "tcp_flow", "timed",
]

API = "10.42.1.5"  # payments/api-7d9c5b8f6d-x2k9p, Deployment api
LEDGER = "10.42.1.6"  # payments/ledger-0, StatefulSet ledger
WEB = "10.42.2.5"  # frontend/web-5f6b7c8d9-abcde, Deployment web
NODE = "10.1.0.11"  # node-1, and its hostNetwork pods
RESOLVER = "192.0.2.53"
GATEWAY = "10.1.0.1"

POD_MAC = "02:00:00:00:00:01"
GATEWAY_MAC = "02:00:00:00:00:02"
T0 = 1767225600.0  # 2026-01-01T00:00:00Z
STEP = 0.001


def frame(packet, reply=False):
    """An IP packet as the inside port sees it: from the node, or to it."""
    source, destination = (GATEWAY_MAC, POD_MAC) if reply else (POD_MAC, GATEWAY_MAC)
    return Ether(src=source, dst=destination) / packet


def timed(packets, start=T0, step=STEP):
    """Stamps packets that have no time of their own yet."""
    for index, packet in enumerate(packets):
        packet.time = start + index * step
    return packets


def dns_query(name, source=API, port=40000, number=1, kind="A", resolver=RESOLVER):
    return frame(IP(src=source, dst=resolver, id=number) / UDP(sport=port, dport=53)
                 / DNS(id=number, rd=1, qd=DNSQR(qname=name, qtype=kind)))


def dns_answer(name, address, source=API, port=40000, number=1, resolver=RESOLVER):
    return frame(IP(src=resolver, dst=source, id=number) / UDP(sport=53, dport=port)
                 / DNS(id=number, qr=1, rd=1, ra=1, qd=DNSQR(qname=name),
                       an=DNSRR(rrname=name, ttl=60, rdata=address)), reply=True)


def _sized(size, body):
    return len(body).to_bytes(size, "big") + body


def client_hello(name, padding=0):
    """A TLS 1.3 ClientHello in one record; an empty name leaves the extension out."""
    extensions = b""
    if name:
        entry = b"\x00" + _sized(2, name.encode("latin-1"))
        extensions += b"\x00\x00" + _sized(2, _sized(2, entry))
    extensions += bytes.fromhex("000a00040002001d")  # x25519
    extensions += bytes.fromhex("000d000400020403")  # signature algorithms
    extensions += bytes.fromhex("002b0003020304")  # TLS 1.3
    if padding:
        extensions += b"\x00\x15" + _sized(2, bytes(padding))
    body = (b"\x03\x03" + bytes(range(32)) + b"\x00" + bytes.fromhex("0004130113020100")
            + _sized(2, extensions))
    return b"\x16\x03\x01" + _sized(2, b"\x01" + _sized(3, body))


def http_get(host, path="/"):
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: case\r\nAccept: */*\r\n\r\n".encode()


def tcp_flow(destination, port, request, answer=b"", source=API, source_port=41000, close=True):
    """A whole connection: handshake, request, answer, orderly close, with right numbers."""
    out, back, identification = 1000, 5000, 1
    packets = []

    def send(flags, data=b"", reply=False):
        nonlocal out, back, identification
        ends = (destination, source) if reply else (source, destination)
        ports = (port, source_port) if reply else (source_port, port)
        numbers = (back, out) if reply else (out, back)
        segment = TCP(sport=ports[0], dport=ports[1], flags=flags, seq=numbers[0],
                      ack=numbers[1] if "A" in flags else 0, window=64240)
        packet = IP(src=ends[0], dst=ends[1], id=identification, flags="DF") / segment
        packets.append(frame(packet / Raw(data) if data else packet, reply))
        advance = len(data) + ("S" in flags) + ("F" in flags)
        out, back = (out, back + advance) if reply else (out + advance, back)
        identification += 1

    send("S")
    send("SA", reply=True)
    send("A")
    send("PA", request)
    if answer:
        send("PA", answer, reply=True)
        send("A")
    if close:
        send("FA")
        send("FA", reply=True)
        send("A")
    return packets


LINK_TYPES = {"null": 0, "ethernet": 1, "raw": 101, "cooked_v1": 113, "cooked_v2": 276}


def link_bytes(packet, link):
    """A frame as a capture of another link type holds it."""
    if link == "ethernet":
        return bytes(packet)
    outgoing = packet.src == POD_MAC
    payload = bytes(packet.payload)
    kind = packet.type
    if link == "raw":
        return payload
    if link == "null":  # host byte order of the machine that captured: little-endian here
        return struct.pack("<I", 2 if kind == 0x0800 else 30) + payload
    address = bytes.fromhex(packet.src.replace(":", "")) + b"\0\0"
    direction = 4 if outgoing else 0
    if link == "cooked_v1":
        return struct.pack(">HHH8sH", direction, 1, 6, address, kind) + payload
    return struct.pack(">HHIHBB8s", kind, 0, 2, 1, direction, 6, address) + payload


def capture_bytes(packets, link="ethernet", file_format="pcap"):
    """A whole capture file: pcap (nanoseconds, little-endian), pcap-big-endian (microseconds) or pcapng."""
    big = file_format == "pcap-big-endian"
    order = ">" if big else "<"
    out = b""
    if file_format == "pcapng":
        section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        out += _block(0x0A0D0D0A, section)
        # if_tsresol 9: nanoseconds.
        options = struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)
        out += _block(1, struct.pack("<HHI", LINK_TYPES[link], 0, 262144) + options)
    else:
        magic = 0xA1B2C3D4 if big else 0xA1B23C4D
        out += struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, LINK_TYPES[link])
    for packet in packets:
        data = link_bytes(packet, link)
        nanoseconds = round(float(packet.time) * 1_000_000) * 1000
        if file_format == "pcapng":
            head = struct.pack("<IIIII", 0, nanoseconds >> 32, nanoseconds & 0xFFFFFFFF, len(data), len(data))
            out += _block(6, head + data + bytes(-len(data) % 4))
        else:
            seconds, rest = divmod(nanoseconds, 1_000_000_000)
            out += struct.pack(order + "IIII", seconds, rest // 1000 if big else rest, len(data), len(data))
            out += data
    return out


def _block(kind, body):
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)
