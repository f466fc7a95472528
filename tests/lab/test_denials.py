#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a denied sender is told, that the clean one beside it is served, and that each denial is on record."""

from labkit import ECHO_PORT, Gateway, Lab, at, run, select, wait_until

RESET = ("Couldn't connect", "reset by peer", "Connection refused", "SSL_ERROR_SYSCALL")
ICMP_ADMIN_PROHIBITED = {"answer": "icmp", "type": 3, "code": 13}  # RFC 1812, 5.2.7.1
EVENT_SECONDS_MAX = 15


def expect_event(checks, lab, name, **wanted):
    found = wait_until(lambda: select(lab.events(), **wanted), EVENT_SECONDS_MAX, 0.3)
    checks.ok(f"{name}: event", found, f"no event with {wanted}")
    return found[0] if found else {}


def expect_served(checks, lab, name, pod, url, *options):
    code, body, error = lab.curl(pod, url, *options)
    checks.ok(f"{name}: served", code == 0 and "here; you come from" in body, f"curl {code}: {error or body}")


def expect_reset(checks, lab, name, pod, url, *options):
    code, body, error = lab.curl(pod, url, *options)
    checks.ok(f"{name}: reset", code != 0 and any(text in error for text in RESET),
              f"curl {code}: {error or body}")


def expect_prohibited(checks, lab, name, pod, address, port):
    got = lab.traffic_result(pod, "udp-once", address, port)
    checks.ok(f"{name}: ICMP administratively prohibited",
              {key: got.get(key) for key in ICMP_ADMIN_PROHIBITED} == ICMP_ADMIN_PROHIBITED, got)


def expect_echo(checks, lab, name, pod, address, port):
    got = lab.traffic_result(pod, "udp-once", address, port)
    checks.ok(f"{name}: answered", got.get("answer") == "echo", got)


def check_dns(checks, lab):
    checks.ok("clean name resolves", lab.dig("api-1", "cdn.clean.example") == ("NOERROR", "198.51.100.11"),
              lab.dig("api-1", "cdn.clean.example"))
    status, address = lab.dig("api-1", "c2.malware.example")
    checks.ok("listed name is NXDOMAIN", (status, address) == ("NXDOMAIN", ""), f"{status} {address}")
    status, _ = lab.dig("web-2", "panel.c2.malware.example")
    checks.ok("a name below a listed one is NXDOMAIN", status == "NXDOMAIN", status)
    asked = (lab.dir / "dnsmasq.log").read_text()
    checks.ok("the resolver never saw the listed name", "malware.example" not in asked, "it is in dnsmasq's log")
    event = expect_event(checks, lab, "listed name", event__action="threat-match",
                         dns__question__name="c2.malware.example")
    checks.ok("listed name: feed and workload on record",
              at(event, "threat.feed.name") == "blocklist" and at(event, "kubernetes.deployment.name") == "api",
              f"{at(event, 'threat.feed.name')}, {at(event, 'kubernetes.deployment.name')}")


def check_names(checks, lab):
    listed = ("--resolve", "c2.malware.example:443:203.0.113.66", "--resolve", "c2.malware.example:80:203.0.113.66")
    expect_reset(checks, lab, "listed TLS name", "api-1", "https://c2.malware.example/", *listed)
    expect_event(checks, lab, "listed TLS name", event__action="threat-match", sallyport__verdict="deny",
                 destination__domain="c2.malware.example", destination__port=443)
    expect_reset(checks, lab, "listed HTTP host", "web-1", "http://c2.malware.example/", *listed)
    expect_event(checks, lab, "listed HTTP host", event__action="threat-match", sallyport__verdict="deny",
                 destination__domain="c2.malware.example", destination__port=80)
    # Same server, same address, clean name: it is the name that was judged.
    expect_served(checks, lab, "clean TLS name at the listed name's address", "api-1", "https://cdn.clean.example/",
                  "--resolve", "cdn.clean.example:443:203.0.113.66")
    expect_served(checks, lab, "clean TLS name", "web-1", "https://api.partner.example/")


def check_addresses(checks, lab):
    expect_reset(checks, lab, "listed address", "web-2", "http://drop.badnet.example/")
    expect_event(checks, lab, "listed address", event__action="threat-match", destination__ip="203.0.113.80",
                 threat__indicator__type="ipv4-addr")
    expect_prohibited(checks, lab, "listed address and port", "api-2", "203.0.113.90", 4444)
    expect_echo(checks, lab, "another port of that address", "api-2", "203.0.113.90", ECHO_PORT)


def check_policy(checks, lab):
    url = "https://paste.leak.example/"
    known = ("--resolve", "paste.leak.example:443:198.51.100.12")
    expect_reset(checks, lab, "payments to the paste site", "api-1", url, *known)
    expect_served(checks, lab, "frontend to the paste site", "web-1", url, *known)
    event = expect_event(checks, lab, "payments to the paste site", event__action="verdict",
                         sallyport__verdict="deny", destination__domain="paste.leak.example", destination__port=443)
    checks.ok("payments to the paste site: policy named", "payments-egress" in (at(event, "rule.ruleset") or ""),
              f"rule: {event.get('rule')}")
    expect_prohibited(checks, lab, "payments to the closed range by UDP", "ledger-0", "198.51.100.200", ECHO_PORT)
    expect_echo(checks, lab, "frontend to the closed range by UDP", "cache-1", "198.51.100.200", ECHO_PORT)


def check_alert(checks, lab):
    expect_served(checks, lab, "name of an alert feed", "web-1", "https://tracker.ads.example/")
    expect_event(checks, lab, "name of an alert feed", event__action="threat-match", sallyport__verdict="allow",
                 threat__feed__name="watchlist", destination__domain="tracker.ads.example")


def check_refused_instead(checks, lab, gateway):
    lab.write_config(replace=[("  paths: [policy]", "  paths: [policy]\n  dns_deny: refused")])
    code, out, error = gateway.reload()
    checks.ok("reload to dns_deny: refused", code == 0, f"{code}: {out}{error}")
    status, _ = lab.dig("api-1", "c2.malware.example")
    checks.ok("listed name is REFUSED when so configured", status == "REFUSED", status)


def test(checks):
    with Lab() as lab, Gateway(lab) as gateway:
        check_dns(checks, lab)
        check_names(checks, lab)
        check_addresses(checks, lab)
        check_policy(checks, lab)
        check_alert(checks, lab)
        check_refused_instead(checks, lab, gateway)
        checks.ok("the gateway still runs", gateway.alive(), "it ended")


if __name__ == "__main__":
    run(test)
