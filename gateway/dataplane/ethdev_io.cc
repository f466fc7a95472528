// SPDX-License-Identifier: Apache-2.0
#include "gateway/dataplane/ethdev_io.h"

#include <utility>

namespace sallyport::dataplane {

EthdevIo::EthdevIo(
    std::vector<std::uint16_t> device_ids,
    std::vector<std::uint16_t> rx_queues,
    std::vector<std::uint16_t> tx_queues,
    rte_mempool* pool,
    std::vector<rte_ring*> handover,
    std::uint16_t worker
)
    : device_ids_(std::move(device_ids)),
      rx_queues_(std::move(rx_queues)),
      tx_queues_(std::move(tx_queues)),
      pool_(pool),
      handover_(std::move(handover)),
      worker_(worker) {
    for (std::size_t i = 0; i < device_ids_.size(); ++i) {
        index_of_device_[device_ids_[i]] = static_cast<std::uint16_t>(i);
    }
}

void EthdevIo::fill(Batch& batch, rte_mbuf** buffers, std::uint16_t count) noexcept {
    batch.size = 0;
    for (std::uint16_t i = 0; i < count; ++i) {
        rte_mbuf* buffer = buffers[i];
        // A frame over several segments is put into one where it fits. Else it is too large for us:
        // it goes on with its beginning and a size that decode refuses, so that it is counted.
        const bool whole = buffer->nb_segs == 1 || rte_pktmbuf_linearize(buffer) == 0;
        Packet& packet = batch.packets[batch.size++];
        packet.data = rte_pktmbuf_mtod(buffer, std::uint8_t*);
        packet.buffer = buffer;
        packet.size =
            whole ? buffer->data_len : static_cast<std::uint32_t>(classifier::kFrameBytesMax) + 1;
        packet.capacity = static_cast<std::uint32_t>(buffer->buf_len - buffer->data_off);
        packet.port = index_of_device_[buffer->port];
        packet.link = classifier::LinkType::ethernet;
        packet.ours = false;
        packet.refused = false;
    }
}

bool EthdevIo::receive(std::uint16_t port, Batch& batch) noexcept {
    if (rx_queues_[port] == kNoQueue) {
        return false;
    }
    std::array<rte_mbuf*, kBatchSize> buffers;  // NOLINT(*-member-init)
    const std::uint16_t count =
        rte_eth_rx_burst(device_ids_[port], rx_queues_[port], buffers.data(), kBatchSize);
    if (count == 0) {
        return false;
    }
    for (std::uint16_t i = 0; i < count; ++i) {
        buffers[i]->port = device_ids_[port];
    }
    fill(batch, buffers.data(), count);
    return batch.size != 0;
}

bool EthdevIo::receive_handed_over(Batch& batch) noexcept {
    if (handover_.empty()) {
        return false;
    }
    std::array<void*, kBatchSize> buffers;  // NOLINT(*-member-init)
    const unsigned count =
        rte_ring_sc_dequeue_burst(handover_[worker_], buffers.data(), kBatchSize, nullptr);
    if (count == 0) {
        return false;
    }
    std::array<rte_mbuf*, kBatchSize> mbufs;  // NOLINT(*-member-init)
    for (unsigned i = 0; i < count; ++i) {
        mbufs[i] = static_cast<rte_mbuf*>(buffers[i]);
    }
    fill(batch, mbufs.data(), static_cast<std::uint16_t>(count));
    return batch.size != 0;
}

std::size_t EthdevIo::transmit(std::span<Packet* const> packets) noexcept {
    std::size_t refused = 0;
    for (std::size_t port = 0; port < device_ids_.size(); ++port) {
        std::array<rte_mbuf*, kBatchSize> buffers;   // NOLINT(*-member-init)
        std::array<std::uint8_t, kBatchSize> which;  // NOLINT(*-member-init)
        std::uint16_t count = 0;
        for (std::size_t i = 0; i < packets.size(); ++i) {
            const Packet& packet = *packets[i];
            if (packet.port != port) {
                continue;
            }
            auto* buffer = static_cast<rte_mbuf*>(packet.buffer);
            buffer->data_off = static_cast<std::uint16_t>(
                packet.data - static_cast<std::uint8_t*>(buffer->buf_addr)
            );
            buffer->data_len = static_cast<std::uint16_t>(packet.size);
            buffer->pkt_len = packet.size;
            which[count] = static_cast<std::uint8_t>(i);
            buffers[count++] = buffer;
        }
        if (count == 0) {
            continue;
        }
        const std::uint16_t sent =
            rte_eth_tx_burst(device_ids_[port], tx_queues_[port], buffers.data(), count);
        for (std::uint16_t i = sent; i < count; ++i) {
            packets[which[i]]->refused = true;
            ++refused;
        }
    }
    return refused;
}

void EthdevIo::release(const Packet& packet) noexcept {
    rte_pktmbuf_free(static_cast<rte_mbuf*>(packet.buffer));
}

Packet EthdevIo::allocate() noexcept {
    Packet packet;
    rte_mbuf* buffer = rte_pktmbuf_alloc(pool_);
    if (buffer != nullptr) {
        packet.buffer = buffer;
        packet.data = rte_pktmbuf_mtod(buffer, std::uint8_t*);
        packet.capacity = rte_pktmbuf_tailroom(buffer);
    }
    return packet;
}

bool EthdevIo::hand_over(std::uint16_t worker, const Packet& packet) noexcept {
    return worker < handover_.size() && rte_ring_mp_enqueue(handover_[worker], packet.buffer) == 0;
}

}  // namespace sallyport::dataplane
