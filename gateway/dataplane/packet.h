// SPDX-License-Identifier: Apache-2.0
// A packet in the worker's hands, and the burst it travels in.
#pragma once

#include "classifier/decode.h"
#include "gateway/model/byte_order.h"

#include <array>
#include <cstdint>
#include <span>

namespace sallyport::dataplane {

/// Packets handled together; a sweep on grout showed 64 best (performance.md 2.1), about one L1 of
/// headers.
inline constexpr std::size_t kBatchSize = 64;
/// Room in front of a received frame that translate may grow its link header into.
inline constexpr std::size_t kHeadroomBytesMin = 64;

/// One frame. `data` may move inside the buffer (headroom); PacketIo fits the buffer to it on
/// transmit.
struct Packet {
    std::uint8_t* data = nullptr;
    void* buffer = nullptr;      ///< the device's own handle (an mbuf), opaque here
    std::uint32_t size = 0;      ///< bytes from `data`
    std::uint32_t capacity = 0;  ///< bytes from `data` to the end of the buffer
    std::uint16_t port =
        0;  ///< index into Snapshot::ports it came in by; on transmit, it leaves by
    classifier::LinkType link = classifier::LinkType::ethernet;
    bool ours = false;     ///< made here (RST, ICMP, ARP, DNS answer), not received and sent on
    bool refused = false;  ///< set by PacketIo::transmit

    [[nodiscard]] std::span<const std::uint8_t> frame() const noexcept { return {data, size}; }
};

struct Batch {
    std::array<Packet, kBatchSize> packets;
    std::array<classifier::Headers, kBatchSize> headers;
    std::size_t size = 0;
};

/// The devices as the pipeline sees them: called once a burst or for rare packets, never per packet
/// of a settled flow. EthdevIo drives DPDK ports, MemoryIo buffers (replay, tests, benchmarks).
class PacketIo {
public:
    PacketIo() = default;
    PacketIo(const PacketIo&) = delete;
    PacketIo& operator=(const PacketIo&) = delete;
    virtual ~PacketIo() = default;

    /// Queues packets, each on its port, and takes their buffers. Returns how many a full queue
    /// refused; those are marked `refused` and keep their buffer.
    virtual std::size_t transmit(std::span<Packet* const> packets) noexcept = 0;
    /// Gives a dropped packet's buffer back.
    virtual void release(const Packet& packet) noexcept = 0;
    /// A fresh buffer with kHeadroomBytesMin before `data` and room for 1 514 bytes; `buffer` null
    /// when none.
    virtual Packet allocate() noexcept = 0;
    /// Hands a packet to the worker that owns its flow. Takes the buffer; false when that ring is
    /// full.
    virtual bool hand_over(std::uint16_t worker, const Packet& packet) noexcept = 0;
};

}  // namespace sallyport::dataplane
