// SPDX-License-Identifier: Apache-2.0
// Packets in plain memory: the devices of `replay`, of tests and of benchmarks. One thread.
#pragma once

#include "gateway/dataplane/packet.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace sallyport::dataplane {

class MemoryIo final : public PacketIo {
public:
    using Sink = std::function<void(const Packet&)>;
    /// `buffers` of `kFrameBytesMax` and headroom each. `sink` sees every transmitted packet before
    /// its buffer is used again; it may be empty.
    explicit MemoryIo(std::size_t buffers, Sink sink = {});

    /// A buffer filled with `frame`, as if received on `port`. Null buffer when all are in use. A
    /// frame over kFrameBytesMax keeps its size and only its beginning: decode refuses it by its
    /// size.
    [[nodiscard]] Packet load(
        std::span<const std::uint8_t> frame, std::uint16_t port, classifier::LinkType link
    ) noexcept;

    std::size_t transmit(std::span<Packet* const> packets) noexcept override;
    void release(const Packet& packet) noexcept override;
    Packet allocate() noexcept override;
    bool hand_over(std::uint16_t worker, const Packet& packet) noexcept override;

    [[nodiscard]] std::size_t free_buffers() const noexcept { return free_.size(); }

private:
    static constexpr std::size_t kBufferBytes = kHeadroomBytesMin + classifier::kFrameBytesMax + 1;
    std::unique_ptr<std::uint8_t[]> memory_;
    std::vector<std::uint8_t*> free_;
    Sink sink_;
};

}  // namespace sallyport::dataplane
