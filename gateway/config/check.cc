// SPDX-License-Identifier: Apache-2.0
#include "gateway/config/check.h"

#include "gateway/config/nearest.h"
#include "gateway/model/domain_name.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace sallyport::config {
namespace {

// Ports of an egress address, 1024 to 65535; each worker needs a block of them.
constexpr std::uint32_t kEgressPorts = 64512;

std::string indexed(std::string_view list, std::size_t index) {
    return std::string(list) + "[" + std::to_string(index) + "]";
}

std::string in_quotes(const std::string& text) {
    return "\"" + text + "\"";
}

/// Names in use, to find the second of a name.
class Names {
public:
    Names(const Config& config, Problems& problems) : config_(config), problems_(problems) {}

    void add(const std::string& name, const std::string& key, const std::string& leaf) {
        if (name.empty()) {
            return;  // the missing key has its own problem
        }
        const auto [first, fresh] = seen_.emplace(name, key);
        if (!fresh) {
            problems_.push_back(config_.problem_at(
                key + "." + leaf,
                in_quotes(name) + " is taken by " + first->second + ", expected another " + leaf
            ));
        }
    }

private:
    const Config& config_;
    Problems& problems_;
    std::map<std::string, std::string> seen_;
};

bool overlap(const IpPrefix& a, const IpPrefix& b) {
    return a.contains(b.address) || b.contains(a.address);
}

/// The last address of a prefix: in IPv4 the broadcast address of a link.
IpAddress last_of(const IpPrefix& prefix) {
    IpAddress out = prefix.canonical().address;
    for (unsigned bit = prefix.length; bit < out.bits(); ++bit) {
        out.bytes[bit / 8] = static_cast<std::uint8_t>(out.bytes[bit / 8] | (0x80U >> (bit % 8)));
    }
    return out;
}

bool never_ours(const IpAddress& address) {
    if (address.is_v4()) {
        const std::uint32_t host = address.v4_host();
        // "This network", loopback (RFC 1122 section 3.2.1.3), multicast and reserved.
        return host >> 24U == 0 || host >> 24U == 127 || host >> 28U >= 14;
    }
    return address.bytes[0] == 0xFF || address == *IpAddress::parse("::") ||
           address == *IpAddress::parse("::1");
}

/// What is wrong with the pool's prefix beside one port, or "". `on_link` is set when the port's
/// network holds all of it.
std::string clash_with_port(const IpPrefix& prefix, const PortConfig& port, bool& on_link) {
    const std::string name = " port " + in_quotes(port.name);
    for (const IpPrefix& address : port.addresses) {
        if (prefix.contains(address.address)) {
            return "holds " + address.address.text() + ", the address of" + name +
                   ", expected addresses of the pool's own";
        }
        if (port.role == PortRole::inside && overlap(prefix, address)) {
            return "is in the network of" + name + ", which looks inside";
        }
        if (port.role != PortRole::outside || !address.contains(prefix.address) ||
            address.length > prefix.length) {
            continue;
        }
        on_link = true;
        // A /31 has neither (RFC 3021).
        if (address.length < 31 &&
            (prefix.contains(address.canonical().address) || prefix.contains(last_of(address)))) {
            return "holds the network or broadcast address of " + address.canonical().text() +
                   " on" + name;
        }
    }
    for (const IpAddress& hop : port.next_hops) {
        if (prefix.contains(hop)) {
            return "holds " + hop.text() + ", a next hop of" + name;
        }
    }
    return "";
}

std::string clash_alone(const IpPrefix& prefix) {
    if (!prefix.address.is_v4()) {
        return "is IPv6, which is not supported by this version, expected IPv4 (see egress.ipv6)";
    }
    if (prefix.canonical() != prefix) {
        return "has bits set after its length, expected " + prefix.canonical().text();
    }
    return never_ours(prefix.address) ? "cannot be an egress address" : "";
}

class Checker {
public:
    Checker(const Config& config, Problems& problems) : config_(config), problems_(problems) {}

    void ports();
    void pools();
    void assignments();
    void workloads();
    void feeds();
    void never_block();
    void sinks(bool needed);

private:
    void add(const std::string& key, const std::string& message) {
        problems_.push_back(config_.problem_at(key, message));
    }
    void port_addresses(const PortConfig& port, const std::string& key);
    void next_hops(const PortConfig& port, const std::string& key);
    void roles();
    void links_apart();
    void pool_address(const PoolConfig& pool, const IpPrefix& prefix, const std::string& key);
    void pools_apart(std::size_t pool, std::size_t entry);
    void kafka(const KafkaSinkConfig& sink, const std::string& key);

    const Config& config_;
    Problems& problems_;
};

void Checker::port_addresses(const PortConfig& port, const std::string& key) {
    for (std::size_t i = 0; i < port.addresses.size(); ++i) {
        if (never_ours(port.addresses[i].address)) {
            add(indexed(key + ".addresses", i),
                in_quotes(port.addresses[i].text()) + " cannot be the address of a port");
        }
    }
}

void Checker::next_hops(const PortConfig& port, const std::string& key) {
    bool seen_v4 = false;
    bool seen_v6 = false;
    for (std::size_t i = 0; i < port.next_hops.size(); ++i) {
        const IpAddress& hop = port.next_hops[i];
        const std::string place = indexed(key + ".next_hops", i);
        bool& seen = hop.is_v4() ? seen_v4 : seen_v6;
        if (seen) {
            add(place, in_quotes(hop.text()) + " is a second of its family, expected one");
        }
        seen = true;
        bool on_link = false;
        bool own = false;
        for (const IpPrefix& address : port.addresses) {
            on_link = on_link || address.contains(hop);
            own = own || address.address == hop;
        }
        // Link-local routers are on every IPv6 link (RFC 4291 section 2.5.6).
        on_link =
            on_link || (hop.is_v6() && hop.bytes[0] == 0xFE && (hop.bytes[1] & 0xC0U) == 0x80);
        if (own) {
            add(place, in_quotes(hop.text()) + " is the port's own address, expected a router's");
        } else if (!on_link) {
            add(place,
                in_quotes(hop.text()) +
                    " is not on the link, expected an address in one of the "
                    "networks of " +
                    key + ".addresses");
        }
    }
}

void Checker::roles() {
    if (config_.dataplane.ports.empty()) {
        if (!config_.places.contains("dataplane.ports")) {
            add("dataplane.ports", "missing, expected at least one inside and one outside");
        }
        return;
    }
    for (const PortConfig& port : config_.dataplane.ports) {
        if (port.role == PortRole::none) {
            return;  // it has a problem of its own, and may be the one that is missed
        }
    }
    for (const PortRole role : {PortRole::inside, PortRole::outside}) {
        bool found = false;
        for (const PortConfig& port : config_.dataplane.ports) {
            found = found || port.role == role;
        }
        if (!found) {
            add("dataplane.ports",
                std::string("no port has the role ") +
                    (role == PortRole::inside ? "inside" : "outside") +
                    ", expected at least one inside and one outside");
        }
    }
}

void Checker::links_apart() {
    const auto& ports = config_.dataplane.ports;
    for (std::size_t a = 0; a < ports.size(); ++a) {
        for (std::size_t i = 0; i < ports[a].addresses.size(); ++i) {
            for (std::size_t b = 0; b < a; ++b) {
                for (const IpPrefix& other : ports[b].addresses) {
                    if (overlap(ports[a].addresses[i], other)) {
                        add(indexed(indexed("dataplane.ports", a) + ".addresses", i),
                            in_quotes(ports[a].addresses[i].text()) + " overlaps " + other.text() +
                                " of port " + in_quotes(ports[b].name) +
                                ", expected another network on each port");
                    }
                }
            }
        }
    }
}

void Checker::ports() {
    Names names(config_, problems_);
    Names devices(config_, problems_);
    const auto& ports = config_.dataplane.ports;
    for (std::size_t i = 0; i < ports.size(); ++i) {
        const std::string key = indexed("dataplane.ports", i);
        names.add(ports[i].name, key, "name");
        devices.add(ports[i].device, key, "device");
        port_addresses(ports[i], key);
        next_hops(ports[i], key);
    }
    roles();
    links_apart();
}

void Checker::pool_address(const PoolConfig& pool, const IpPrefix& prefix, const std::string& key) {
    std::string clash = clash_alone(prefix);
    bool on_link = pool.routed;
    bool outside_known = false;
    for (const PortConfig& port : config_.dataplane.ports) {
        if (clash.empty()) {
            clash = clash_with_port(prefix, port, on_link);
        }
        for (const IpPrefix& address : port.addresses) {
            outside_known =
                outside_known || (port.role == PortRole::outside && address.address.is_v4());
        }
    }
    if (clash.empty() && outside_known && !on_link) {
        clash =
            "is outside the networks of every outside port, expected addresses in one of them, "
            "or `routed: true` when the network routes them here";
    }
    if (!clash.empty()) {
        add(key, in_quotes(prefix.text()) + " " + clash);
    }
}

void Checker::pools_apart(std::size_t pool, std::size_t entry) {
    const auto& pools = config_.egress.pools;
    const IpPrefix& prefix = pools[pool].addresses[entry];
    for (std::size_t b = 0; b <= pool; ++b) {
        const std::size_t end = b == pool ? entry : pools[b].addresses.size();
        for (std::size_t i = 0; i < end; ++i) {
            if (overlap(prefix, pools[b].addresses[i])) {
                add(indexed(indexed("egress.pools", pool) + ".addresses", entry),
                    in_quotes(prefix.text()) + " overlaps " + pools[b].addresses[i].text() +
                        " of pool " + in_quotes(pools[b].name));
                return;
            }
        }
    }
}

void Checker::pools() {
    Names names(config_, problems_);
    const auto& pools = config_.egress.pools;
    // A size that could not be read has been told; it differs from nothing.
    const bool sizes_read = std::ranges::none_of(problems_, [](const Problem& problem) {
        return problem.message.find(".block_size: ") != std::string::npos;
    });
    for (std::size_t i = 0; i < pools.size(); ++i) {
        const std::string key = indexed("egress.pools", i);
        names.add(pools[i].name, key, "name");
        const std::uint32_t workers = config_.dataplane.workers.value_or(1);
        if (pools[i].block_size != 0 && kEgressPorts / pools[i].block_size < workers) {
            add(key + ".block_size",
                in_quotes(std::to_string(pools[i].block_size)) + " leaves some of " +
                    std::to_string(workers) + " workers without a block, expected at most " +
                    std::to_string(kEgressPorts / workers));
        }
        for (std::size_t j = 0; j < pools[i].addresses.size(); ++j) {
            pool_address(pools[i], pools[i].addresses[j], indexed(key + ".addresses", j));
            pools_apart(i, j);
        }
        // A reply's port names the worker that owns it, so one size holds for all.
        if (sizes_read && pools[i].block_size != pools.front().block_size) {
            add(key + ".block_size",
                in_quotes(std::to_string(pools[i].block_size)) + " differs from " +
                    std::to_string(pools.front().block_size) + " of pool " +
                    in_quotes(pools.front().name) + ", expected one size for all pools");
        }
    }
}

void Checker::assignments() {
    std::vector<std::string_view> names;
    for (const PoolConfig& pool : config_.egress.pools) {
        names.push_back(pool.name);
    }
    for (std::size_t i = 0; i < config_.egress.assignments.size(); ++i) {
        const AssignmentConfig& row = config_.egress.assignments[i];
        const std::string key = indexed("egress.assignments", i);
        if (row.selector.empty() && row.namespace_selector.empty()) {
            add(key,
                "selects nothing, expected selector or namespaceSelector (selector: all() for "
                "everything)");
        }
        bool known = row.pool.empty();
        for (const std::string_view name : names) {
            known = known || name == row.pool;
        }
        if (!known) {
            const std::string_view near = nearest(row.pool, names);
            add(key + ".pool",
                in_quotes(row.pool) + " is no pool" +
                    (near.empty() ? ", expected one of egress.pools"
                                  : ", did you mean " + in_quotes(std::string(near)) + "?"));
        }
    }
}

void Checker::workloads() {
    if (!config_.places.contains("workloads.files") &&
        !config_.places.contains("workloads.kubernetes")) {
        add("workloads.files", "missing, expected files that tell which pod has which address");
    }
    if (config_.workloads.unknown.hold.count() != 0) {
        add("workloads.unknown.hold",
            in_quotes(std::to_string(config_.workloads.unknown.hold.count()) + "ms") +
                " needs a later version, which can hold a packet until its workload is known; "
                "expected 0");
    }
}

void Checker::feeds() {
    Names names(config_, problems_);
    for (std::size_t i = 0; i < config_.feeds.size(); ++i) {
        const FeedConfig& feed = config_.feeds[i];
        const std::string key = indexed("feeds", i);
        names.add(feed.name, key, "name");
        if (feed.path.empty() && feed.url.empty()) {
            add(key + ".path", "missing, expected a file or directory with the feed");
        }
        const std::string& delimiter = feed.csv.delimiter;
        if (delimiter.size() > 1 && delimiter != "tab") {
            add(key + ".csv.delimiter",
                in_quotes(delimiter) + " is no delimiter, expected one character or tab");
        }
    }
}

void Checker::never_block() {
    for (std::size_t i = 0; i < config_.policy.never_block.size(); ++i) {
        const std::string& text = config_.policy.never_block[i];
        if (!IpPrefix::parse(text) && canonical_name(text).empty()) {
            add(indexed("policy.never_block", i),
                in_quotes(text) + " is neither an address, a prefix nor a name");
        }
    }
}

void Checker::kafka(const KafkaSinkConfig& sink, const std::string& key) {
    if (sink.sasl) {
        if (sink.sasl->password_file.empty() == sink.sasl->password_env.empty()) {
            add(key + ".sasl",
                std::string(sink.sasl->password_file.empty() ? "no" : "two") +
                    " places for the password, expected one of password_file and "
                    "password_env");
        }
    }
    if (sink.tls && sink.tls->cert.empty() != sink.tls->key.empty()) {
        add(key + ".tls", "cert and key belong together, expected both or none");
    }
    for (const auto& [property, value] : sink.rdkafka) {
        // Secrets written into the configuration would end up in tickets and backups.
        if (property == "sasl.password" || property == "ssl.key.password" ||
            property == "ssl.keystore.password" || property == "ssl.key.pem") {
            std::string place = key;
            add(place.append(".rdkafka.").append(property),
                "a secret does not belong in this file, expected the sasl and tls keys with files");
        }
    }
}

void Checker::sinks(bool needed) {
    Names names(config_, problems_);
    const auto& sinks = config_.events.sinks;
    for (std::size_t i = 0; i < sinks.size(); ++i) {
        const std::string key = indexed("events.sinks", i);
        if (sinks[i].kafka) {
            names.add(sinks[i].kafka->name, key + ".kafka", "name");
            kafka(*sinks[i].kafka, key + ".kafka");
        } else if (sinks[i].file) {
            names.add(sinks[i].file->name, key + ".file", "name");
        }
    }
    if (needed && !config_.places.contains("events.sinks")) {
        add("events.sinks", "missing, expected at least one of kafka and file");
    }
}

}  // namespace

void check_config(const Config& config, Purpose purpose, Problems& problems) {
    Checker checker(config, problems);
    const bool runs = purpose == Purpose::run;
    if (runs || !config.dataplane.ports.empty()) {
        checker.ports();
    }
    checker.pools();
    checker.assignments();
    if (runs) {
        checker.workloads();
    }
    checker.feeds();
    checker.never_block();
    checker.sinks(runs);
}

}  // namespace sallyport::config
