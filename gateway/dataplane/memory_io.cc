// SPDX-License-Identifier: Apache-2.0
#include "gateway/dataplane/memory_io.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sallyport::dataplane {

MemoryIo::MemoryIo(std::size_t buffers, Sink sink)
    : memory_(new std::uint8_t[buffers * kBufferBytes]),
      sink_(std::move(sink)) {
    free_.reserve(buffers);
    for (std::size_t i = buffers; i-- > 0;) {
        free_.push_back(memory_.get() + i * kBufferBytes);
    }
}

Packet MemoryIo::allocate() noexcept {
    if (free_.empty()) {
        return {};
    }
    Packet packet;
    packet.buffer = free_.back();
    packet.data = free_.back() + kHeadroomBytesMin;
    packet.capacity = classifier::kFrameBytesMax;
    free_.pop_back();
    return packet;
}

Packet MemoryIo::load(
    std::span<const std::uint8_t> frame, std::uint16_t port, classifier::LinkType link
) noexcept {
    Packet packet = allocate();
    if (packet.buffer != nullptr) {
        std::memcpy(
            packet.data, frame.data(), std::min<std::size_t>(frame.size(), packet.capacity)
        );
        packet.size = static_cast<std::uint32_t>(std::min<std::size_t>(frame.size(), UINT32_MAX));
        packet.port = port;
        packet.link = link;
    }
    return packet;
}

std::size_t MemoryIo::transmit(std::span<Packet* const> packets) noexcept {
    for (const Packet* packet : packets) {
        if (sink_) {
            sink_(*packet);
        }
        release(*packet);
    }
    return 0;
}

void MemoryIo::release(const Packet& packet) noexcept {
    // The free list was reserved for all buffers: this never allocates.
    free_.push_back(static_cast<std::uint8_t*>(packet.buffer));
}

bool MemoryIo::hand_over(std::uint16_t worker, const Packet& packet) noexcept {
    (void)worker;
    (void)packet;
    return false;
}

}  // namespace sallyport::dataplane
