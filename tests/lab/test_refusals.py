#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What may refuse or never answer: a device that does not take a port's MTU is named at start and used for what it can
do; a reload that hangs on a file without end holds up neither packets nor status nor SIGTERM."""

import os
import subprocess
import time

from labkit import BINARY, ECHO_PORT, Gateway, Lab, run, wait_until

STOP_SECONDS_MAX = 10
REFUSED_MTU = 3000  # af_packet keeps frames of 2 048 bytes


def check_mtu(checks, lab):
    path = lab.write_config(name="mtu.yaml", replace=[
        ("addresses: [192.0.2.2/24]", f"addresses: [192.0.2.2/24]\n      mtu: {REFUSED_MTU}")])
    with Gateway(lab, path) as gateway:
        text = gateway.log.read_text()
        checks.ok("an MTU that a device refuses is named with its port",
                  "note:" in text and f'refuses "{REFUSED_MTU}"' in text and "outside" in text, text[-500:])
        got = lab.traffic_result("api-1", "udp-once", "198.51.100.30", ECHO_PORT)
        checks.ok("the port is used all the same", got["answer"] == "echo", got)


def check_hanging_reload(checks, lab):
    """A policy on a pipe that nobody writes to: opening or reading it waits for ever."""
    with Gateway(lab) as gateway:
        pipe = lab.dir / "policy/never.yaml"
        os.mkfifo(pipe)
        writer = os.open(pipe, os.O_RDWR)  # so that the reader's open returns and its read waits
        reload = subprocess.Popen([BINARY, "reload", "--socket", lab.dir / "admin.sock"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        time.sleep(1)
        checks.ok("the reload hangs", reload.poll() is None, f"it ended with {reload.returncode}")
        begin = time.monotonic()
        code, out, error = gateway.status()
        checks.ok("status answers meanwhile", code in (0, 1) and time.monotonic() - begin < 2, f"{code}: {out}{error}")
        got = lab.traffic_result("api-1", "udp-once", "198.51.100.30", ECHO_PORT)
        checks.ok("packets pass meanwhile", got["answer"] == "echo", got)
        status, seconds = gateway.stop(STOP_SECONDS_MAX)
        checks.ok("SIGTERM is not held up", status == 0, f"status {status} after {seconds:.1f} s")
        checks.ok("the reload's caller is told", wait_until(lambda: reload.poll() is not None, 5), "it still waits")
        reload.kill()
        os.close(writer)
        pipe.unlink()


def test(checks):
    with Lab() as lab:
        check_mtu(checks, lab)
        check_hanging_reload(checks, lab)


if __name__ == "__main__":
    run(test)
