// SPDX-License-Identifier: Apache-2.0
// What holds for Facts whatever the bytes were. Fuzz targets stop on a breach.
#pragma once

#include "gateway/model/address.h"
#include "gateway/model/domain_name.h"
#include "gateway/model/facts.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace sallyport::fuzz {

inline void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

/// A valid name is canonical (or, for Host, an address); any name is printable and has no upper
/// case.
inline void check_name(const Facts& facts) {
    const std::string_view name = facts.name_view();
    require(name.size() <= kNameBytesMax);
    require(facts.name_source != NameSource::none || name.empty());
    for (const char c : name) {
        require(c > ' ' && c < 0x7F && !(c >= 'A' && c <= 'Z'));
    }
    if (facts.name_invalid || name.empty()) {
        return;
    }
    std::array<char, 256> again{};
    const CanonicalName canonical = canonicalise(name, again);
    const bool is_canonical =
        !canonical.invalid && std::string_view(again.data(), canonical.size) == name;
    const auto address = IpAddress::parse(name);
    require(is_canonical || (facts.name_source == NameSource::http_host && address));
    require(!address || facts.name_source != NameSource::sni);
}

/// Answers unpack to their end.
inline void check_answers(const DnsFacts& dns) {
    require(dns.answers_size <= kDnsAnswerBytesMax);
    std::size_t at = 0;
    while (at < dns.answers_size) {
        require(at + 7 <= dns.answers_size);
        at += 7U + dns.answers[at + 6];
    }
    require(at == dns.answers_size);
}

inline bool same(const Facts& a, const Facts& b) {
    return a.protocol == b.protocol && a.name_source == b.name_source && a.state == b.state &&
           a.name_invalid == b.name_invalid && a.tls_version == b.tls_version &&
           a.name_view() == b.name_view() && a.dns.id == b.dns.id && a.dns.flags == b.dns.flags &&
           a.dns.type == b.dns.type && a.dns.dns_class == b.dns.dns_class &&
           a.dns.question_end == b.dns.question_end && a.dns.answer_count == b.dns.answer_count &&
           a.dns.is_response == b.dns.is_response && a.dns.truncated == b.dns.truncated &&
           a.dns.answers_size == b.dns.answers_size &&
           std::memcmp(a.dns.answers.data(), b.dns.answers.data(), a.dns.answers_size) == 0;
}

/// Facts full of another packet's leavings.
inline Facts dirty_facts() {
    Facts facts;
    std::memset(facts.name.data(), 'Z', facts.name.size());
    std::memset(facts.dns.answers.data(), 0xA5, facts.dns.answers.size());
    facts.protocol = AppProtocol::ssh;
    facts.name_source = NameSource::quic_sni;
    facts.name_invalid = true;
    facts.name_size = 255;
    facts.tls_version = 0xFFFF;
    facts.dns.answers_size = kDnsAnswerBytesMax;
    facts.dns.question_end = 0xFFFF;
    facts.dns.is_response = true;
    facts.dns.truncated = true;
    return facts;
}

}  // namespace sallyport::fuzz
