// SPDX-License-Identifier: Apache-2.0
#include "gateway/model/workload.h"

#include "gateway/model/keyed_hash.h"

#include <bit>
#include <sys/random.h>
#include <utility>

namespace sallyport {

HashKey random_hash_key() {
    HashKey key;
    std::size_t filled = 0;
    while (filled < sizeof(key)) {
        const ssize_t got =
            getrandom(reinterpret_cast<char*>(&key) + filled, sizeof(key) - filled, 0);
        if (got > 0) {
            filled += static_cast<std::size_t>(got);
        }
    }
    return key;
}

WorkloadTable::WorkloadTable(std::vector<Workload> workloads) : workloads_(std::move(workloads)) {
    if (workloads_.size() < 2) {
        workloads_.resize(2);
    }
    const HashKey key = random_hash_key();
    key_[0] = key.k0;
    key_[1] = key.k1;
    std::size_t addresses = 0;
    for (const Workload& w : workloads_) {
        addresses += w.live ? w.addresses.size() : 0;
        live_count_ += w.live ? 1 : 0;
    }
    status_.assign(workloads_.size(), AttributionStatus::known);
    for (std::size_t id = 0; id < workloads_.size(); ++id) {
        if (workloads_[id].kind == Workload::Kind::node) {
            status_[id] = AttributionStatus::node;
        }
    }
    status_[kUnknownWorkload] = AttributionStatus::unknown;
    status_[kAmbiguousWorkload] = AttributionStatus::ambiguous;
    slots_.resize(std::bit_ceil(addresses * 2 + 8));
    for (WorkloadId id = 2; id < workloads_.size(); ++id) {
        if (workloads_[id].live) {
            for (const IpAddress& address : workloads_[id].addresses) {
                insert(address, id);
            }
        }
    }
}

std::size_t WorkloadTable::slot_of(const IpAddress& address) const noexcept {
    const std::size_t size = address.is_v4() ? 4 : address.bytes.size();
    return siphash13({key_[0], key_[1]}, address.bytes.data(), size) & (slots_.size() - 1);
}

void WorkloadTable::insert(const IpAddress& address, WorkloadId id) {
    for (std::size_t i = slot_of(address);; i = (i + 1) & (slots_.size() - 1)) {
        Slot& slot = slots_[i];
        if (slot.address.family == IpFamily::none) {
            slot = {address, id};
            return;
        }
        if (slot.address == address) {
            if (slot.id != id) {
                ambiguous_count_ += slot.id != kAmbiguousWorkload ? 1 : 0;
                slot.id = kAmbiguousWorkload;
            }
            return;
        }
    }
}

WorkloadId WorkloadTable::find(const IpAddress& address) const noexcept {
    for (std::size_t i = slot_of(address);; i = (i + 1) & (slots_.size() - 1)) {
        const Slot& slot = slots_[i];
        if (slot.address.family == IpFamily::none) {
            return kUnknownWorkload;
        }
        if (slot.address == address) {
            return slot.id;
        }
    }
}

}  // namespace sallyport
