// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/snapshot_builder.h"

#include "gateway/control/version.h"
#include "gateway/model/keyed_hash.h"

#include <chrono>
#include <utility>

namespace sallyport::control {
namespace {

std::shared_ptr<EventDictionary> dictionary_of(
    const config::Config& config,
    const SnapshotInputs& inputs,
    const BuilderSettings& settings,
    std::uint32_t generation
) {
    auto out = std::make_shared<EventDictionary>();
    out->boot = settings.boot;
    out->generation = generation;
    out->gateway = config.gateway.name;
    out->cluster = config.gateway.cluster;
    out->hostname = settings.hostname;
    out->version = std::string(version());
    out->workloads = inputs.workloads->workloads();
    out->rules = inputs.policy->rules();
    out->feeds = inputs.threats->feeds();
    out->patterns = inputs.threats->patterns();
    for (const config::PoolConfig& pool : config.egress.pools) {
        out->pools.push_back(pool.name);
    }
    return out;
}

// Sources that nobody owns, where they are let through: the pool of the first assignment that asks
// nothing of the workload (`selector: all()`), as no selector can say anything about them.
std::uint16_t pool_for_unknown(const config::Config& config) {
    for (const config::AssignmentConfig& row : config.egress.assignments) {
        const bool everybody = row.selector.empty() || row.selector == "all()";
        for (std::size_t i = 0; everybody && i < config.egress.pools.size(); ++i) {
            if (row.namespace_selector.empty() && config.egress.pools[i].name == row.pool) {
                return static_cast<std::uint16_t>(i);
            }
        }
    }
    return kNoPool;
}

}  // namespace

dataplane::Behaviour behaviour_of(const config::Config& config) {
    dataplane::Behaviour out;
    out.unknown_allow = config.workloads.unknown.then == config::UnknownAction::allow;
    out.deny_silently = config.policy.deny_mode == config::DenyAnswer::silent;
    out.dns_deny_refused = config.policy.dns_deny == config::DnsDeny::refused;
    out.flow_update_seconds = static_cast<std::uint32_t>(
        std::chrono::ceil<std::chrono::seconds>(config.events.flow_update).count()
    );
    out.route_ipv6 = config.egress.ipv6 == config::Ipv6Egress::route;
    return out;
}

// A reply's port names the worker that owns it, so one block size holds for all pools and for a
// process's life.
Status SnapshotBuilder::check_block_sizes(const config::Config& config) {
    for (std::size_t i = 0; i < config.egress.pools.size(); ++i) {
        const std::uint32_t size = config.egress.pools[i].block_size;
        if (block_size_ == 0) {
            block_size_ = size;
        }
        const std::string key = "egress.pools[" + std::to_string(i) + "].block_size";
        // `dataplane.workers: auto` is only known by now.
        if (dataplane::kNatPorts / size < settings_.workers) {
            return Error{config
                             .problem_at(
                                 key,
                                 key + ": \"" + std::to_string(size) + "\" leaves some of " +
                                     std::to_string(settings_.workers) +
                                     " workers without a block, expected at most " +
                                     std::to_string(dataplane::kNatPorts / settings_.workers)
                             )
                             .text()};
        }
        if (size != block_size_) {
            return Error{config
                             .problem_at(
                                 key,
                                 key + ": \"" + std::to_string(size) + "\" differs from " +
                                     std::to_string(block_size_) +
                                     ", the size in use; all pools share one block size, and "
                                     "changing it needs a restart"
                             )
                             .text()};
        }
    }
    return Done{};
}

std::uint32_t SnapshotBuilder::egress_index(const IpAddress& address, std::uint32_t block_size) {
    const std::uint32_t raw = address.v4_raw();
    const auto known = index_of_address_.find(raw);
    if (known != index_of_address_.end()) {
        return known->second;
    }
    const auto index = static_cast<std::uint32_t>(egress_.size());
    auto& workers = egress_.emplace_back();
    for (std::uint16_t worker = 0; worker < settings_.workers; ++worker) {
        const std::uint64_t seed =
            settings_.seed == 0 ? random_hash_key().k0 : settings_.seed + raw * 31ULL + worker;
        workers.push_back(std::make_unique<dataplane::AddressPorts>(
            raw, block_size, worker, settings_.workers, seed
        ));
    }
    index_of_address_.emplace(raw, index);
    return index;
}

Result<std::shared_ptr<dataplane::Snapshot>> SnapshotBuilder::build(
    const config::Config& config,
    const SnapshotInputs& inputs,
    std::vector<dataplane::PortView> ports,
    std::uint32_t generation
) {
    auto snapshot = std::make_shared<dataplane::Snapshot>();
    snapshot->generation = generation;
    snapshot->behaviour = behaviour_of(config);
    snapshot->workloads = inputs.workloads;
    snapshot->policy = inputs.policy;
    snapshot->threats = inputs.threats;
    snapshot->pool_of = inputs.pool_of;
    if (snapshot->behaviour.unknown_allow && !snapshot->pool_of.empty()) {
        snapshot->pool_of[kUnknownWorkload] = pool_for_unknown(config);
    }
    snapshot->ports = std::move(ports);
    for (std::uint16_t worker = 0; worker < settings_.workers; ++worker) {
        auto scratch = inputs.threats->make_scratch();
        if (!scratch) {
            return scratch.error();
        }
        snapshot->scratch.push_back(std::move(scratch).value());
    }
    if (const Status same = check_block_sizes(config); !same) {
        return same.error();
    }
    for (const config::PoolConfig& pool : config.egress.pools) {
        dataplane::PoolView view;
        view.name = pool.name;
        snapshot->block_size = pool.block_size;
        for (const IpPrefix& prefix : pool.addresses) {
            const std::uint64_t count = std::uint64_t{1} << (prefix.address.bits() - prefix.length);
            for (std::uint64_t i = 0; i < count; ++i) {
                const auto host =
                    static_cast<std::uint32_t>(prefix.canonical().address.v4_host() + i);
                view.addresses.push_back(egress_index(IpAddress::v4(host), pool.block_size));
            }
        }
        snapshot->pools.push_back(std::move(view));
    }
    for (const auto& workers : egress_) {
        auto& row = snapshot->egress.emplace_back();
        for (const auto& ports_of_worker : workers) {
            row.push_back(ports_of_worker.get());
        }
    }
    snapshot->order_egress();
    snapshot->dictionary = dictionary_of(config, inputs, settings_, generation);
    return snapshot;
}

PoolUse use_of(const dataplane::PoolView& pool, const dataplane::Snapshot& snapshot) {
    PoolUse out;
    for (const std::uint32_t address : pool.addresses) {
        for (const dataplane::AddressPorts* ports : snapshot.egress[address]) {
            out.blocks += ports->blocks_used();
            out.blocks_total += ports->blocks_total();
            out.ports += ports->ports_used();
            out.refusals += ports->refusals();
        }
    }
    return out;
}

}  // namespace sallyport::control
