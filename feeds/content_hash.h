// SPDX-License-Identifier: Apache-2.0
// XXH3-128 over everything a threat database is made from. Not for secrets: it tells versions
// apart.
#pragma once

#include "feeds/feed.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct XXH3_state_s;

namespace sallyport::feeds {

class ContentHash {
public:
    explicit ContentHash(const NeverBlock& never_block);
    ContentHash(const ContentHash&) = delete;
    ContentHash& operator=(const ContentHash&) = delete;
    ~ContentHash() = default;

    /// A feed's settings, then for each of its files begin_file() and bytes(), an empty piece last.
    void add_source(const FeedSource& source);
    void begin_file(std::string_view path);
    void bytes(std::string_view piece);

    [[nodiscard]] std::array<std::uint8_t, 16> digest() const;

private:
    struct StateDeleter {
        void operator()(XXH3_state_s* state) const noexcept;
    };
    void add(std::string_view text);
    void add(std::uint64_t number);

    std::unique_ptr<XXH3_state_s, StateDeleter> state_;
    std::uint64_t file_bytes_ = 0;
};

std::string hex(const std::array<std::uint8_t, 16>& digest);

}  // namespace sallyport::feeds
