// SPDX-License-Identifier: Apache-2.0
// Where a workload's packets came from, as the link header a reply needs: replies go back to the
// station that forwarded the flow, so the inside needs no routes. Owned by one worker, bounded;
// entries live as long as the process (there are as many as nodes).
#pragma once

#include "gateway/dataplane/flow_hash.h"
#include "gateway/dataplane/neighbour_table.h"
#include "gateway/dataplane/packet.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

namespace sallyport::dataplane {

inline constexpr std::uint16_t kNoPeer = 0xFFFF;
/// Longest link header we write: Ethernet and two VLAN tags.
inline constexpr std::size_t kLinkHeaderBytesMax = 22;

/// A link header, right-aligned so that one fixed-size copy puts it before any IP header.
struct LinkHeader {
    std::array<std::uint8_t, 24> bytes{};
    std::uint8_t size = 14;
    std::uint16_t port = 0;
};

class PeerTable {
public:
    static constexpr std::size_t kCapacity = 4096;
    /// `key` is secret: whoever forges link addresses must not choose where they collide.
    explicit PeerTable(std::uint64_t key)
        : key_(key),
          entries_(kCapacity),
          stations_(kCapacity),
          index_(kCapacity * 2, kNoPeer) {}

    [[nodiscard]] const LinkHeader& operator[](std::uint16_t peer) const noexcept {
        return entries_[peer];
    }

    /// Peer of a received frame: reply header from `own` to the frame's source, its VLAN tags kept.
    /// kNoPeer when the table is full.
    [[nodiscard]] std::uint16_t of_frame(
        const Packet& packet, std::size_t l3, const LinkAddress& own
    ) noexcept {
        LinkHeader header;
        header.port = packet.port;
        const bool ethernet =
            packet.link == classifier::LinkType::ethernet && l3 >= 14 && l3 <= kLinkHeaderBytesMax;
        header.size = static_cast<std::uint8_t>(ethernet ? l3 : 14);
        std::uint8_t* start = header.bytes.data() + header.bytes.size() - header.size;
        if (ethernet) {
            std::memcpy(start, packet.data + 6, 6);
            std::memcpy(start + 6, own.data(), 6);
            std::memcpy(start + 12, packet.data + 12, l3 - 12);
        }
        return find_or_add(header);
    }

    /// True when a frame still comes from the station the header answers to; `source` holds the
    /// eight bytes from the frame's source address on.
    [[nodiscard]] bool same_station(std::uint16_t peer, std::uint64_t source) const noexcept {
        constexpr std::uint64_t kLinkMask = 0xFFFFFFFFFFFFULL;
        return ((source ^ stations_[peer]) & kLinkMask) == 0;
    }

private:
    [[nodiscard]] std::uint16_t find_or_add(const LinkHeader& header) noexcept {
        std::uint64_t word = 0;
        std::memcpy(&word, header.bytes.data() + header.bytes.size() - header.size, 6);
        std::size_t at =
            fold_multiply(word ^ key_, 0x9E3779B97F4A7C15ULL ^ (key_ >> 7U)) % index_.size();
        for (; index_[at] != kNoPeer; at = at + 1 == index_.size() ? 0 : at + 1) {
            const LinkHeader& known = entries_[index_[at]];
            if (known.port == header.port && known.size == header.size &&
                known.bytes == header.bytes) {
                return index_[at];
            }
        }
        if (used_ == kCapacity) {
            return kNoPeer;
        }
        entries_[used_] = header;
        stations_[used_] = word;
        index_[at] = used_;
        return used_++;
    }

    std::uint64_t key_;
    std::vector<LinkHeader> entries_;
    std::vector<std::uint64_t> stations_;  ///< link address of each, 48 bits
    std::vector<std::uint16_t> index_;     ///< open addressing, half full at most
    std::uint16_t used_ = 0;
};

}  // namespace sallyport::dataplane
