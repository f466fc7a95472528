// SPDX-License-Identifier: Apache-2.0
// What a worker reads: one immutable set, published by pointer (gateway/control builds it). A
// packet sees exactly one. Everything a lookup needs is flat; nothing here is written after
// publication except the per-worker parts (scratch, AddressPorts), each by its own worker.
#pragma once

#include "classifier/threat_database.h"
#include "gateway/dataplane/nat_table.h"
#include "gateway/dataplane/neighbour_table.h"
#include "gateway/model/event_dictionary.h"
#include "gateway/model/workload.h"
#include "gateway/policy/policy_set.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sallyport::dataplane {

enum class PortRole : std::uint8_t { inside, outside };

/// A port as packets see it. Fixed for the life of the process.
struct PortView {
    std::string name;
    PortRole role = PortRole::inside;
    LinkAddress link{};               ///< our own MAC address
    std::uint16_t mtu = 1500;         ///< bytes of IP packet
    std::vector<IpPrefix> addresses;  ///< ours, with the length of their subnet
    IpAddress next_hop_v4;            ///< family none: none configured
    IpAddress next_hop_v6;
};

struct PoolView {
    std::string name;
    std::vector<std::uint32_t> addresses;  ///< indices into Snapshot::egress
};

/// How things that no policy decides are decided (configuration; same names there).
struct Behaviour {
    bool unknown_allow = false;     ///< workloads.unknown.then
    bool deny_silently = false;     ///< policy.deny_mode: silent
    bool dns_deny_refused = false;  ///< policy.dns_deny: refused (5), else nxdomain (3)
    bool route_ipv6 = false;        ///< egress.ipv6: route (untranslated)
    bool midstream_pickup = false;  ///< TCP of unknown flows without SYN starts a flow (captures)
    bool translate =
        true;  ///< false: no pools, addresses stay (replay without egress configuration)
    /// Packets come from a capture: no ports tell inside from outside, see Pipeline::orient().
    bool capture = false;
    std::uint32_t flow_update_seconds =
        0;                         ///< events.flow_update: long flows are told this often; 0: never
    bool match_error_deny = true;  ///< a matcher that fails denies (enforce) rather than forwards
};

struct Snapshot {
    std::uint32_t generation = 1;
    Behaviour behaviour;
    std::shared_ptr<const WorkloadTable> workloads;
    std::shared_ptr<const policy::PolicySet> policy;
    std::shared_ptr<const classifier::ThreatDatabase> threats;
    std::vector<classifier::Scratch> scratch;  ///< by worker; null when there are no patterns
    std::vector<std::uint16_t> pool_of;        ///< by WorkloadId: index into pools, kNoPool
    std::vector<PoolView> pools;
    std::vector<PortView> ports;
    /// [egress address][worker]: the blocks of that address that the worker owns. Indices are
    /// stable and the objects live as long as the process, so an address that left its pool still
    /// drains.
    std::vector<std::vector<AddressPorts*>> egress;
    struct EgressPlace {
        std::uint32_t address = 0;  ///< raw
        std::uint32_t index = 0;    ///< into `egress`
        bool in_pool = false;       ///< of this generation
    };
    std::vector<EgressPlace> egress_order;  ///< by address, see order_egress()
    std::uint32_t block_size = 64;
    std::shared_ptr<const EventDictionary> dictionary;  ///< for exporters; workers do not read it

    [[nodiscard]] std::uint16_t pool_for(WorkloadId workload) const noexcept {
        return workload < pool_of.size() ? pool_of[workload] : kNoPool;
    }
    /// Index of the outside port, ports.size() when there is none.
    [[nodiscard]] std::uint16_t outside_port() const noexcept {
        for (std::size_t i = 0; i < ports.size(); ++i) {
            if (ports[i].role == PortRole::outside) {
                return static_cast<std::uint16_t>(i);
            }
        }
        return static_cast<std::uint16_t>(ports.size());
    }
    /// Whether an address is ours to answer for: in a pool, or retired with blocks still given out.
    [[nodiscard]] bool owns_egress_address(std::uint32_t raw) const noexcept {
        const auto at = std::lower_bound(
            egress_order.begin(),
            egress_order.end(),
            raw,
            [](const EgressPlace& place, std::uint32_t wanted) { return place.address < wanted; }
        );
        if (at == egress_order.end() || at->address != raw) {
            return false;
        }
        const auto& workers = egress[at->index];
        return at->in_pool || std::any_of(workers.begin(), workers.end(), [](const auto* blocks) {
                   return blocks->blocks_used() != 0;
               });
    }
    /// To be called when `egress` and `pools` are filled.
    void order_egress() {
        egress_order.clear();
        for (std::uint32_t i = 0; i < egress.size(); ++i) {
            egress_order.push_back({egress[i].front()->address(), i, false});
        }
        for (const PoolView& pool : pools) {
            for (const std::uint32_t index : pool.addresses) {
                egress_order[index].in_pool = true;
            }
        }
        std::sort(
            egress_order.begin(),
            egress_order.end(),
            [](const EgressPlace& a, const EgressPlace& b) { return a.address < b.address; }
        );
    }
};

}  // namespace sallyport::dataplane
