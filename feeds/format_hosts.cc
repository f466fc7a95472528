// SPDX-License-Identifier: Apache-2.0
// hosts: `0.0.0.0 name [name...]`, as hosts(5). A name blocks only itself. Lines that send a name
// to a real address are no block, and the preamble of real lists (localhost, broadcasthost,
// ip6-...) is none.
#include "feeds/format.h"
#include "gateway/model/address.h"

namespace sallyport::feeds {
namespace {

std::string_view next_word(std::string_view& text) noexcept {
    text = trim(text);
    const auto end = text.find_first_of(" \t");
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(word.size());
    return word;
}

bool is_local_name(std::string_view name) noexcept {
    return name == "localhost" || name == "localhost.localdomain" || name == "local" ||
           name == "broadcasthost" || name.starts_with("ip6-");
}

// 0.0.0.0, ::, or the host itself: where blocked names are sent.
bool is_sink(const IpAddress& address) noexcept {
    if (address.is_v4()) {
        return address.v4_raw() == 0 || address.bytes[0] == 127;
    }
    IpAddress unspecified;
    unspecified.family = IpFamily::v6;
    IpAddress loopback = unspecified;
    loopback.bytes[15] = 1;
    return address == unspecified || address == loopback;
}

class HostsFormat final : public Format {
public:
    bool line(std::string_view text, ValueSink& sink) override {
        if (text.starts_with('#')) {
            return false;
        }
        // hosts(5): a comment needs no space before it.
        text = text.substr(0, text.find('#'));
        std::string_view first = next_word(text);
        const std::string_view whole = first;
        first = first.substr(0, first.find('%'));
        const auto address = IpAddress::parse(first);
        if (!address) {
            sink.bad(whole, "a hosts line begins with an address");
            return true;
        }
        bool any = false;
        for (std::string_view name = next_word(text); !name.empty(); name = next_word(text)) {
            any = true;
            if (is_local_name(name) || IpAddress::parse(name)) {
                sink.skip(SkipReason::local_name);
            } else if (!is_sink(*address)) {
                sink.skip(SkipReason::redirect);
            } else {
                ValueHint hint;
                hint.exact = true;
                sink.value(name, hint);
            }
        }
        if (!any) {
            sink.bad(whole, "a hosts line without a name");
        }
        return true;
    }
};

}  // namespace

std::unique_ptr<Format> make_hosts_format() {
    return std::make_unique<HostsFormat>();
}

}  // namespace sallyport::feeds
