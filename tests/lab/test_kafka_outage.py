#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The broker is killed with SIGKILL and started again ten times while 1 000 flows a second pass. Afterwards
Kafka must hold every event: no hole in any sequence, nothing doubled once repeats are removed by event.id,
order kept under each key, and the very events that a second sink (a file) got."""

import os
import time

from labkit import Broker, Gateway, Lab, SequenceLedger, finish, note, run, wait_until

KILLS = int(os.environ.get("SALLYPORT_LAB_KILLS", "10"))
UDP_FLOWS_PER_SECOND = 800
TCP_FLOWS_PER_SECOND = 200
UP_SECONDS, DOWN_SECONDS = 3, 2
DELIVERY_SECONDS_MAX = 120


def outages(broker):
    for number in range(1, KILLS + 1):
        time.sleep(UP_SECONDS)
        broker.kill9()
        time.sleep(DOWN_SECONDS)
        broker.restart()
        note(f"outage {number} of {KILLS} over")


def check_traffic(checks, udp, tcp):
    note(f"{udp['flows']} UDP and {tcp['flows']} TCP flows, {udp['echoed'] + tcp['echoed']} answered")
    checks.ok("traffic never stopped while the broker was down",
              udp["echoed"] >= 0.999 * udp["flows"] and tcp["echoed"] >= 0.999 * tcp["flows"], f"{udp}, {tcp}")
    return udp["distinct"] + tcp["flows"]


def check_ledgers(checks, kafka, file_ledger, flows):
    note(f"Kafka: {kafka.total()} events, {kafka.repeats} repeats; file: {file_ledger.total()}")
    checks.ok("no hole in any sequence on Kafka", not kafka.missing(), kafka.missing()[:5])
    checks.ok("no hole in any sequence in the file", not file_ledger.missing(), file_ledger.missing()[:5])
    only_file = file_ledger.identities() - kafka.identities()
    only_kafka = kafka.identities() - file_ledger.identities()
    checks.ok("missing on Kafka: 0", not only_file, f"{len(only_file)}: {sorted(only_file)[:5]}")
    checks.ok("on Kafka and nowhere else: 0", not only_kafka, f"{len(only_kafka)}: {sorted(only_kafka)[:5]}")
    checks.ok("order kept under each key", not kafka.disorder, f"{len(kafka.disorder)}: {kafka.disorder[:3]}")
    checks.ok("nothing shed on the way", kafka.announced_lost == 0, f"{kafka.announced_lost} events announced lost")
    checks.ok("each flow has at least a start and an end", kafka.total() >= 2 * flows,
              f"{kafka.total()} events of {flows} flows")


def check_doubled(checks, kafka, documents):
    """Repeats are allowed (at least once); what remains after removing them by event.id is each event once."""
    checks.ok("doubled after removing repeats by event.id: 0", kafka.total() == documents,
              f"{kafka.total()} distinct of {documents} distinct ids")


def read_kafka(broker):
    ledger, ids, keyless = SequenceLedger(), set(), 0
    for message in broker.messages():
        keyless += not message.key
        ids.add(message.event["event"]["id"])
        ledger.add(message.event, (message.topic, message.partition, message.key))
    return ledger, len(ids), keyless


def test(checks):
    with Lab() as lab, Broker(lab) as broker:
        lab.write_config(sinks=("kafka", "file"))
        with Gateway(lab) as gateway:
            udp = lab.traffic("web-1", "udp-flows", "203.0.113.0/26", 9999, UDP_FLOWS_PER_SECOND, 0)
            tcp = lab.traffic("api-1", "tcp-flows", "198.51.100.30", 9999, TCP_FLOWS_PER_SECOND, 0)
            outages(broker)
            checks.ok("the gateway survived every outage", gateway.alive(), "it ended")
            flows = check_traffic(checks, finish(udp), finish(tcp))
            status, seconds = gateway.stop(60)
            note(f"drained in {seconds:.1f} s")
            checks.ok("SIGTERM drains", status == 0, f"exit status {status}")
        # What a bounded drain left behind stands in the spool; a start delivers it, and what it says itself.
        file = lab.dir / "events.ndjson"
        before = file.stat().st_size
        with Gateway(lab) as gateway:
            got = lab.traffic_result("api-1", "udp-once", "198.51.100.30", 9999)
            checks.ok("the second start forwards", got["answer"] == "echo", got)
            behind = wait_until(lambda: not any(sink["lag"] for sink in gateway.status_json()["sinks"]),
                                DELIVERY_SECONDS_MAX, 1)
            checks.ok("the second start continues where the first ended", behind, gateway.status_json()["sinks"])
            gateway.stop(60)
        checks.ok("and adds to the file", file.stat().st_size > before, f"{before} bytes before and after")
        file_ledger = SequenceLedger()
        for event in lab.events():
            file_ledger.add(event)
        kafka, documents, keyless = read_kafka(broker)
        check_ledgers(checks, kafka, file_ledger, flows)
        check_doubled(checks, kafka, documents)
        checks.ok("every message has a key", keyless == 0, f"{keyless} have none")


if __name__ == "__main__":
    run(test)
