// SPDX-License-Identifier: Apache-2.0
// PacketIo over DPDK ethernet devices. One a worker; queue `worker` of every port is its own.
#pragma once

#include "gateway/dataplane/packet.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <cstdint>
#include <vector>

namespace sallyport::dataplane {

class EthdevIo final : public PacketIo {
public:
    /// `device_ids[i]` is the DPDK port of Snapshot::ports[i]; `queues[i]` the queue of it this
    /// worker uses, or kNoQueue. `handover[w]` leads to worker w (multi producer, single consumer).
    static constexpr std::uint16_t kNoQueue = 0xFFFF;
    EthdevIo(
        std::vector<std::uint16_t> device_ids,
        std::vector<std::uint16_t> rx_queues,
        std::vector<std::uint16_t> tx_queues,
        rte_mempool* pool,
        std::vector<rte_ring*> handover,
        std::uint16_t worker
    );

    /// Fills `batch` from port `port`; false when nothing was there.
    bool receive(std::uint16_t port, Batch& batch) noexcept;
    /// Fills `batch` with packets other workers handed over.
    bool receive_handed_over(Batch& batch) noexcept;
    [[nodiscard]] std::size_t port_count() const noexcept { return device_ids_.size(); }

    std::size_t transmit(std::span<Packet* const> packets) noexcept override;
    void release(const Packet& packet) noexcept override;
    Packet allocate() noexcept override;
    bool hand_over(std::uint16_t worker, const Packet& packet) noexcept override;

private:
    void fill(Batch& batch, rte_mbuf** buffers, std::uint16_t count) noexcept;

    std::vector<std::uint16_t> device_ids_;
    std::vector<std::uint16_t> rx_queues_;
    std::vector<std::uint16_t> tx_queues_;
    std::array<std::uint16_t, RTE_MAX_ETHPORTS> index_of_device_{};
    rte_mempool* pool_;
    std::vector<rte_ring*> handover_;
    std::uint16_t worker_;
};

}  // namespace sallyport::dataplane
