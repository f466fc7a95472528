// SPDX-License-Identifier: Apache-2.0
// What the slow-path stages ask of a key: its two ends, and whether it is ICMP or DNS.
#pragma once

#include "classifier/decode.h"
#include "gateway/model/address.h"
#include "gateway/model/flow_key.h"

#include <cstdint>
#include <type_traits>

namespace sallyport::dataplane {

inline constexpr std::uint16_t kDnsPortRaw = 0x3500;  // 53 in network order

template <class Key>
IpAddress inside_of(const Key& key) noexcept {
    if constexpr (std::is_same_v<Key, FlowKey4>) {
        return IpAddress::v4_raw(key.inside);
    } else {
        return IpAddress::v6(reinterpret_cast<const std::uint8_t*>(key.inside.data()));
    }
}

template <class Key>
IpAddress outside_of(const Key& key) noexcept {
    if constexpr (std::is_same_v<Key, FlowKey4>) {
        return IpAddress::v4_raw(key.outside);
    } else {
        return IpAddress::v6(reinterpret_cast<const std::uint8_t*>(key.outside.data()));
    }
}

inline bool is_icmp(std::uint8_t protocol) noexcept {
    return protocol == classifier::kProtocolIcmp || protocol == classifier::kProtocolIcmp6;
}

template <class Key>
bool is_dns(const Key& key) noexcept {
    return key.protocol == classifier::kProtocolUdp && key.outside_port == kDnsPortRaw;
}

}  // namespace sallyport::dataplane
