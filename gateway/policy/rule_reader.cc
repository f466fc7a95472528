// SPDX-License-Identifier: Apache-2.0
// One rule of a policy: members first, then what they must be together (calico.md section 6).
#include "gateway/policy/domain_set.h"
#include "gateway/policy/field_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <netinet/in.h>
#include <utility>

namespace sallyport::policy {
namespace {

using Node = FieldReader::Node;

struct ProtocolName {
    std::string_view name;
    std::uint8_t number;
};
// IPPROTO_UDPLITE is 136 (RFC 3828).
constexpr std::array<ProtocolName, 6> kProtocols{
    {{"TCP", IPPROTO_TCP},
     {"UDP", IPPROTO_UDP},
     {"ICMP", IPPROTO_ICMP},
     {"ICMPv6", IPPROTO_ICMPV6},
     {"SCTP", IPPROTO_SCTP},
     {"UDPLite", 136}}};

std::uint8_t read_protocol(FieldReader& reader, const Node& node, const std::string& field) {
    if (!node.given()) {
        return 0;
    }
    if (node.is_string()) {
        for (const ProtocolName& each : kProtocols) {
            if (each.name == node.text()) {
                return each.number;
            }
        }
        reader.problem(
            node,
            field,
            '"' + std::string(node.text().substr(0, 100)) +
                "\": expected TCP, UDP, ICMP, ICMPv6, SCTP, UDPLite or 1-255"
        );
        return 0;
    }
    return static_cast<std::uint8_t>(reader.integer(node, field, 1, 255).value_or(0));
}

std::optional<IcmpMatch> read_icmp(
    FieldReader& reader, const Node& node, const std::string& field
) {
    if (!node.given() || !reader.is_map(node, field)) {
        return std::nullopt;
    }
    reader.check_keys(node, field, {"type", "code"});
    IcmpMatch out;
    // 255 is reserved as a type (calico.md section 6).
    if (const auto type = reader.integer(node["type"], field + ".type", 0, 254)) {
        out.type = static_cast<std::uint8_t>(*type);
    }
    if (const auto code = reader.integer(node["code"], field + ".code", 0, 255)) {
        out.code = static_cast<std::uint8_t>(*code);
    }
    if (node["code"].given() && !node["type"].given()) {
        reader.problem(node, field, "code needs type");
    }
    return out;
}

std::vector<IpPrefix> read_nets(
    FieldReader& reader, const Node& list, const std::string& field, bool negated
) {
    std::vector<IpPrefix> out;
    if (!reader.is_list(list, field)) {
        return out;
    }
    if (list.size() > kNetsMax) {
        reader.problem(list, field, "more than " + std::to_string(kNetsMax) + " entries");
        return out;
    }
    std::size_t index = 0;
    for (const Node entry : list) {
        const std::string at = indexed(field, index++);
        const std::string quoted = '"' + std::string(entry.text().substr(0, 100)) + '"';
        const auto prefix = IpPrefix::parse(entry.text());
        if (!prefix || entry.text().find('/') == std::string_view::npos) {
            reader.problem(entry, at, quoted + " is not a network such as 203.0.113.0/24");
        } else if (prefix->canonical() != *prefix) {
            reader.problem(
                entry, at, quoted + " has host bits set: write " + prefix->canonical().text()
            );
        } else if (negated && prefix->length == 0) {
            reader.problem(entry, at, quoted + " excludes every address: it never matches");
        } else {
            out.push_back(*prefix);
        }
    }
    return out;
}

bool parse_port(std::string_view text, std::uint16_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size() && out != 0;
}

/// "443" or "8000:8100".
bool parse_port_range(std::string_view text, PortRange& out) {
    const auto colon = text.find(':');
    if (!parse_port(text.substr(0, colon), out.first)) {
        return false;
    }
    if (colon == std::string_view::npos) {
        out.last = out.first;
        return true;
    }
    return parse_port(text.substr(colon + 1), out.last) && out.first <= out.last;
}

bool is_port_name(std::string_view text) {
    return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.' || c == '-';
    });
}

struct Ports {
    std::vector<PortRange> ranges;
    bool any = false;
    bool named = false;
};

Ports read_ports(FieldReader& reader, const Node& list, const std::string& field) {
    Ports out;
    if (!reader.is_list(list, field)) {
        return out;
    }
    if (list.size() > kPortsMax) {
        reader.problem(list, field, "more than " + std::to_string(kPortsMax) + " entries");
        return out;
    }
    std::size_t index = 0;
    for (const Node entry : list) {
        const std::string at = indexed(field, index++);
        const std::string_view text = entry.text();
        const bool is_number =
            !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
        PortRange range;
        out.any = true;
        if (parse_port_range(text, range)) {
            out.ranges.push_back(range);
        } else if (entry.is_string() && !is_number && is_port_name(text)) {
            out.named = true;
        } else {
            reader.problem(
                entry,
                at,
                '"' + std::string(text.substr(0, 100)) +
                    "\": expected a port 1-65535, a range \"lo:hi\" or a port name"
            );
        }
    }
    return out;
}

void read_service_accounts(
    FieldReader& reader, const Node& node, const std::string& field, RuleEntity& out
) {
    if (!node.given() || !reader.is_map(node, field)) {
        return;
    }
    reader.check_keys(node, field, {"names"}, {"selector"});
    const Node names = node["names"];
    if (!reader.is_list(names, field + ".names")) {
        return;
    }
    for (const Node name : names) {
        if (!name.is_string() || !is_dns_subdomain(name.text())) {
            reader.problem(name, field + ".names", "expected the name of a service account");
        } else {
            out.service_accounts.emplace_back(name.text());
        }
    }
}

void read_domains(
    FieldReader& reader, const Node& list, const std::string& field, RuleEntity& out
) {
    if (!reader.is_list(list, field)) {
        return;
    }
    if (list.size() > kDomainsMax) {
        reader.problem(list, field, "more than " + std::to_string(kDomainsMax) + " entries");
        return;
    }
    std::size_t index = 0;
    for (const Node entry : list) {
        const std::string at = indexed(field, index++);
        Result<std::string> pattern = entry.is_string()
                                          ? parse_domain_pattern(entry.text())
                                          : Result<std::string>(Error{"expected a domain name"});
        if (pattern) {
            out.domains.push_back(std::move(pattern).value());
        } else {
            reader.problem(entry, at, pattern.error().message);
        }
    }
}

RuleEntity read_entity(
    FieldReader& reader, const Node& node, const std::string& field, bool is_source
) {
    RuleEntity out;
    if (!node.given() || !reader.is_map(node, field)) {
        return out;
    }
    if (is_source) {
        reader.check_keys(
            node,
            field,
            {"selector",
             "notSelector",
             "namespaceSelector",
             "nets",
             "notNets",
             "ports",
             "notPorts",
             "serviceAccounts"},
            {"services"}
        );
    } else {
        reader.check_keys(
            node,
            field,
            {"selector",
             "notSelector",
             "namespaceSelector",
             "nets",
             "notNets",
             "ports",
             "notPorts",
             "serviceAccounts",
             "domains"},
            {"services"}
        );
        read_domains(reader, node["domains"], field + ".domains", out);
    }
    out.selector = reader.selector(node, "selector", field);
    out.not_selector = reader.selector(node, "notSelector", field);
    out.namespace_selector = reader.selector(node, "namespaceSelector", field);
    for (const auto* each : {&out.selector, &out.not_selector}) {
        if (*each && (*each)->mentions_global()) {
            reader.problem(node, field, "global() is only for namespaceSelector");
        }
    }
    if (out.namespace_selector && out.namespace_selector->mentions_global() &&
        !out.namespace_selector->is_global()) {
        reader.problem(node["namespaceSelector"], field, "global() must stand alone");
    }
    out.nets = read_nets(reader, node["nets"], field + ".nets", false);
    out.not_nets = read_nets(reader, node["notNets"], field + ".notNets", true);
    Ports ports = read_ports(reader, node["ports"], field + ".ports");
    Ports not_ports = read_ports(reader, node["notPorts"], field + ".notPorts");
    if (is_source && (ports.named || not_ports.named)) {
        reader.problem(node, field, "named ports of the source are not supported by this version");
    } else if (ports.named) {
        reader.note(
            node["ports"],
            field + ".ports",
            "a named port never matches at an egress gateway: outside addresses declare none"
        );
    }
    out.has_ports = ports.any;
    out.ports = std::move(ports.ranges);
    out.not_ports = std::move(not_ports.ranges);
    read_service_accounts(reader, node["serviceAccounts"], field + ".serviceAccounts", out);
    return out;
}

void check_families(
    FieldReader& reader, const Node& node, const std::string& field, EgressRule& rule
) {
    bool v4 = rule.family == IpFamily::v4;
    bool v6 = rule.family == IpFamily::v6;
    for (const RuleEntity* entity : {&rule.source, &rule.destination}) {
        for (const auto* nets : {&entity->nets, &entity->not_nets}) {
            for (const IpPrefix& net : *nets) {
                v4 = v4 || net.address.is_v4();
                v6 = v6 || net.address.is_v6();
            }
        }
    }
    if (v4 && v6) {
        reader.problem(
            node, field, "IPv4 and IPv6 in one rule (nets, notNets and ipVersion must agree)"
        );
    }
    // A rule that names addresses of one family is about that family, also where it excludes them.
    if (rule.family == IpFamily::none && v4 != v6) {
        rule.family = v4 ? IpFamily::v4 : IpFamily::v6;
    }
}

void check_together(
    FieldReader& reader, const Node& node, const std::string& field, EgressRule& rule
) {
    const bool has_ports = !rule.source.ports.empty() || !rule.source.not_ports.empty() ||
                           !rule.destination.ports.empty() || !rule.destination.not_ports.empty();
    const bool ports_protocol = rule.protocol == IPPROTO_TCP || rule.protocol == IPPROTO_UDP ||
                                rule.protocol == IPPROTO_SCTP;
    const bool named_only = rule.destination.has_ports && rule.destination.ports.empty();
    if ((has_ports && !ports_protocol) || (named_only && rule.protocol != 0 && !ports_protocol)) {
        reader.problem(node, field, "ports need protocol TCP, UDP or SCTP");
    }
    const bool is_icmp = rule.protocol == IPPROTO_ICMP || rule.protocol == IPPROTO_ICMPV6;
    if ((rule.icmp || rule.not_icmp) && !is_icmp) {
        reader.problem(node, field, "icmp and notICMP need protocol ICMP or ICMPv6");
    }
    if ((rule.protocol == IPPROTO_ICMP && rule.family == IpFamily::v6) ||
        (rule.protocol == IPPROTO_ICMPV6 && rule.family == IpFamily::v4)) {
        reader.problem(node, field, "protocol and ipVersion contradict each other");
    }
    check_families(reader, node, field, rule);
    if (rule.destination.domains.empty()) {
        return;
    }
    if (rule.action != RuleAction::allow && rule.action != RuleAction::deny) {
        reader.problem(node, field, "domains need action Allow or Deny");
    }
    if (!rule.destination.nets.empty() || rule.destination.selects()) {
        reader.problem(node, field, "domains exclude nets and selector in one rule");
    }
    if (rule.action == RuleAction::deny) {
        reader.note(node, field, "domains in a Deny rule are Sallyport's own: Calico refuses them");
    }
}

}  // namespace

EgressRule read_egress_rule(FieldReader& reader, Node node, const std::string& field) {
    EgressRule rule;
    rule.place = reader.place(node);
    if (!node.is_map()) {
        reader.problem(node, field, "expected a rule");
        return rule;
    }
    reader.check_keys(
        node,
        field,
        {"action",
         "protocol",
         "notProtocol",
         "ipVersion",
         "icmp",
         "notICMP",
         "metadata",
         "source",
         "destination"},
        {"http"}
    );
    constexpr std::array<std::string_view, 4> kActions{"Allow", "Deny", "Log", "Pass"};
    const auto action = std::find(kActions.begin(), kActions.end(), node["action"].text());
    if (action == kActions.end()) {
        reader.problem(
            node["action"].exists() ? node["action"] : node,
            field + ".action",
            "expected Allow, Deny, Log or Pass"
        );
    } else {
        rule.action = static_cast<RuleAction>(action - kActions.begin());
    }
    rule.protocol = read_protocol(reader, node["protocol"], field + ".protocol");
    rule.not_protocol = read_protocol(reader, node["notProtocol"], field + ".notProtocol");
    if (const Node version = node["ipVersion"]; version.given()) {
        if (version.text() == "4" || version.text() == "6") {
            rule.family = version.text() == "4" ? IpFamily::v4 : IpFamily::v6;
        } else {
            reader.problem(version, field + ".ipVersion", "expected 4 or 6");
        }
    }
    rule.icmp = read_icmp(reader, node["icmp"], field + ".icmp");
    rule.not_icmp = read_icmp(reader, node["notICMP"], field + ".notICMP");
    rule.name = node["metadata"]["annotations"]["name"].text();
    rule.source = read_entity(reader, node["source"], field + ".source", true);
    rule.destination = read_entity(reader, node["destination"], field + ".destination", false);
    check_together(reader, node, field, rule);
    return rule;
}

}  // namespace sallyport::policy
