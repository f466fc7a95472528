// SPDX-License-Identifier: Apache-2.0
// What an event is about, worked out once before it is written: names behind ids, texts of
// addresses, Community IDs, the words of threat matches. Internal to the encoders.
#pragma once

#include "exporters/community_id.h"
#include "exporters/encoder.h"
#include "gateway/model/event.h"
#include "gateway/model/event_dictionary.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace sallyport::exporters {

/// A name taken apart by the public suffix list; parts that do not exist are empty.
struct DomainParts {
    std::string_view registered;
    std::string_view subdomain;
    std::string_view top_level;
};
/// Views into `name`, which must be lower case and end in a zero byte.
DomainParts domain_parts(const std::string& name);

/// One threat match in words.
struct MatchText {
    const FeedNames* feed = nullptr;  ///< null when the dictionary does not know it
    IndicatorType type = IndicatorType::none;
    FeedAction action = FeedAction::alert;
    std::uint8_t confidence = 0;
    std::string
        text;  ///< the indicator: "198.51.100.0/24", "c2.example", "192.0.2.1:443", a pattern
    std::string_view field;   ///< where it was seen
    std::string_view atomic;  ///< what was seen there
};

struct Subject {
    const Event* event = nullptr;
    const EventDictionary* names = nullptr;
    EventClass event_class = EventClass::flow;
    const Workload* workload = nullptr;
    const RuleNames* rule = nullptr;
    bool name_is_question = false;  ///< the name was asked for, and is not who was talked to
    std::string name;               ///< printable
    DomainParts parts;
    std::string id;
    std::string time;
    std::string source;
    std::string destination;
    std::string nat;
    std::string community_id;      ///< before NAT
    std::string nat_community_id;  ///< after NAT
    std::array<MatchText, kThreatMatchesMax> matches;
    std::size_t match_size = 0;

    /// Fills everything from an event; keeps the memory of its strings.
    void take(const Event& in_event, const EventDictionary& in_names, CommunityId& community);
    /// One readable line.
    void append_message(std::string& out) const;
    /// "payments/api", "node/node-3", or the address.
    void append_who(std::string& out) const;

private:
    void take_name();
    void take_matches();
};

/// tcp, udp, sctp, icmp, ipv6-icmp; "" for others.
std::string_view transport_name(std::uint8_t protocol) noexcept;
/// ECS words (STIX 2.1 appendix A, None/Low/Med/High): 0 is "Not Specified".
std::string_view confidence_word(std::uint8_t confidence) noexcept;
/// "A", "HTTPS", "TYPE65280" (RFC 3597 section 5).
std::string dns_type_name(std::uint16_t type);
std::string_view dns_response_name(std::uint16_t flags) noexcept;

}  // namespace sallyport::exporters
