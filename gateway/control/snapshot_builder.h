// SPDX-License-Identifier: Apache-2.0
// Turns what was loaded into the immutable set that workers read. Control thread. Owns what must
// outlive single snapshots: the port blocks of every egress address ever configured.
#pragma once

#include "gateway/config/config.h"
#include "gateway/dataplane/snapshot.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sallyport::control {

/// What a snapshot is made from; all of one reading.
struct SnapshotInputs {
    std::shared_ptr<const WorkloadTable> workloads;
    std::shared_ptr<const policy::PolicySet> policy;
    std::shared_ptr<const classifier::ThreatDatabase> threats;
    std::vector<std::uint16_t> pool_of;  ///< by WorkloadId, index into egress.pools; kNoPool
};

struct BuilderSettings {
    std::uint64_t boot = 0;
    std::uint64_t seed = 0;  ///< order of port blocks; 0: from the kernel
    std::uint16_t workers = 1;
    std::string hostname;
};

class SnapshotBuilder {
public:
    explicit SnapshotBuilder(BuilderSettings settings) : settings_(std::move(settings)) {}

    /// Egress addresses of all pools together that a gateway may have.
    static constexpr std::size_t kEgressAddressesMax = 4096;

    /// A snapshot with its dictionary. Fails, with nothing changed, when memory for scratch is
    /// short.
    Result<std::shared_ptr<dataplane::Snapshot>> build(
        const config::Config& config,
        const SnapshotInputs& inputs,
        std::vector<dataplane::PortView> ports,
        std::uint32_t generation
    );

private:
    Status check_block_sizes(const config::Config& config);
    std::uint32_t egress_index(const IpAddress& address, std::uint32_t block_size);

    BuilderSettings settings_;
    std::uint32_t block_size_ = 0;
    std::map<std::uint32_t, std::uint32_t> index_of_address_;  ///< raw address to egress index
    std::vector<std::vector<std::unique_ptr<dataplane::AddressPorts>>> egress_;
};

/// What is in use of one pool of a snapshot, over all workers. Numbers of running workers: near
/// enough.
struct PoolUse {
    std::uint64_t blocks = 0;
    std::uint64_t blocks_total = 0;
    std::uint64_t ports = 0;
    std::uint64_t refusals = 0;  ///< flows that got no port, since the process began
};
PoolUse use_of(const dataplane::PoolView& pool, const dataplane::Snapshot& snapshot);

/// Settings of the configuration that stages ask for.
dataplane::Behaviour behaviour_of(const config::Config& config);

}  // namespace sallyport::control
