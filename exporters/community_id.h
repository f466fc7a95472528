// SPDX-License-Identifier: Apache-2.0
// Community ID v1 (corelight/community-id-spec): one short text that is the same in every tool that
// saw the flow, whichever direction it saw.
#pragma once

#include "gateway/model/address.h"

#include <cstdint>
#include <memory>
#include <string>

struct evp_md_ctx_st;
struct evp_md_st;

namespace sallyport::exporters {

struct FlowTuple {
    IpAddress source;
    IpAddress destination;
    std::uint8_t protocol = 0;
    std::uint16_t source_port = 0;       ///< ICMP and ICMPv6: the type
    std::uint16_t destination_port = 0;  ///< ICMP and ICMPv6: the code
};

/// Computes ids; keeps OpenSSL's context. Belongs to one thread.
class CommunityId {
public:
    /// `seed` is one number for the whole site; 0 unless someone changed it.
    explicit CommunityId(std::uint16_t seed = 0);
    ~CommunityId();
    CommunityId(const CommunityId&) = delete;
    CommunityId& operator=(const CommunityId&) = delete;

    /// "1:" and 28 characters of base64; "" when the addresses are not of one family.
    std::string of(const FlowTuple& tuple);

private:
    const std::uint16_t seed_;
    evp_md_st* sha1_;
    evp_md_ctx_st* context_;
};

}  // namespace sallyport::exporters
