#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGTERM under traffic: exit 0 within a bound, and every flow that was told to begin is told to end."""

import time

from labkit import Broker, Gateway, Lab, SequenceLedger, Skip, at, note, run, select

DRAIN_SECONDS_MAX = 15
WARM_SECONDS = 5


def start_traffic(lab):
    return [lab.traffic("web-1", "udp-flows", "203.0.113.0/27", 9999, 500, 0),
            lab.traffic("api-1", "tcp-flows", "198.51.100.30", 9999, 100, 0),
            lab.traffic("api-2", "udp-sequence", "198.51.100.31", 9999, 500)]


def check_flows(checks, events, where):
    starts = {at(event, "sallyport.flow.id") for event in select(events, event__action="flow-start")}
    ends = [at(event, "sallyport.flow.id") for event in select(events, event__action="flow-end")]
    checks.ok(f"{where}: flows were seen", len(starts) > 1000, f"{len(starts)}")
    absent = starts - set(ends)
    checks.ok(f"{where}: each flow-start has its flow-end", not absent, f"{len(absent)} of {len(starts)} have none")
    checks.ok(f"{where}: one flow-end a flow", len(ends) == len(set(ends)), f"{len(ends) - len(set(ends))} doubled")
    ledger = SequenceLedger()
    for event in events:
        ledger.add(event)
    checks.ok(f"{where}: no hole in any sequence", not ledger.missing(), ledger.missing()[:5])
    cut = [event for event in select(events, event__action="flow-end")
           if at(event, "sallyport.flow.close_reason") == "shutdown"]
    checks.ok(f"{where}: flows that were alive end by shutdown", cut, "no such close_reason")


def drain(checks, lab, name):
    with Gateway(lab) as gateway:
        traffic = start_traffic(lab)
        time.sleep(WARM_SECONDS)
        status, seconds = gateway.stop(DRAIN_SECONDS_MAX)
        for process in traffic:
            process.kill()
        note(f"{name}: drained in {seconds:.1f} s")
        checks.ok(f"{name}: exit 0 within {DRAIN_SECONDS_MAX} s", status == 0, f"status {status} after {seconds:.1f} s")
        checks.ok(f"{name}: the admin socket is gone", not (lab.dir / "admin.sock").exists(), "it is still there")


def test(checks):
    with Lab() as lab:
        drain(checks, lab, "file sink")
        check_flows(checks, lab.events(), "file sink")
    try:
        with Lab() as lab, Broker(lab) as broker:
            lab.write_config(sinks=("kafka",))
            drain(checks, lab, "Kafka")
            check_flows(checks, [message.event for message in broker.messages()], "Kafka")
            broker.kill9()
            lab.write_config(sinks=("kafka",))
            drain(checks, lab, "Kafka that is down")
    except Skip as reason:
        note(f"no Kafka: {reason}")
        raise


if __name__ == "__main__":
    run(test)
