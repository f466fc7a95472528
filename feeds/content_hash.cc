// SPDX-License-Identifier: Apache-2.0
#include "feeds/content_hash.h"

#include "classifier/threat_format.h"

#include <cstring>
#include <new>
#include <xxhash.h>

namespace sallyport::feeds {
namespace {

/// Raised when the same feeds come to mean something else: a format or a rule of normalise.cc
/// changed.
constexpr std::uint64_t kMeaningVersion = 1;

}  // namespace

void ContentHash::StateDeleter::operator()(XXH3_state_s* state) const noexcept {
    XXH3_freeState(state);
}

ContentHash::ContentHash(const NeverBlock& never_block) : state_(XXH3_createState()) {
    if (state_ == nullptr) {
        throw std::bad_alloc();
    }
    XXH3_128bits_reset(state_.get());
    add(kMeaningVersion);
    add(classifier::kImageVersion);
    add(never_block.prefixes.size());
    for (const IpPrefix& prefix : never_block.prefixes) {
        add(prefix.text());
    }
    add(never_block.names.size());
    for (const std::string& name : never_block.names) {
        add(name);
    }
}

// Each with its length, so that no two sequences run together to the same bytes.
void ContentHash::add(std::string_view text) {
    add(text.size());
    XXH3_128bits_update(state_.get(), text.data(), text.size());
}

void ContentHash::add(std::uint64_t number) {
    XXH3_128bits_update(state_.get(), &number, sizeof number);
}

void ContentHash::add_source(const FeedSource& source) {
    for (const std::string* text :
         {&source.name,
          &source.path,
          &source.format,
          &source.category,
          &source.csv.value,
          &source.csv.type,
          &source.csv.port,
          &source.csv.delimiter}) {
        add(*text);
    }
    add(static_cast<std::uint64_t>(source.action));
    add(source.confidence);
    add((source.names_exact ? 1U : 0U) | (source.wildcard_includes_apex ? 2U : 0U) |
        (source.allow_public_suffixes ? 4U : 0U));
    add(source.v4_prefix_min);
    add(source.v6_prefix_min);
}

void ContentHash::begin_file(std::string_view path) {
    file_bytes_ = 0;
    add(path);
}

void ContentHash::bytes(std::string_view piece) {
    if (piece.empty()) {
        add(file_bytes_);
        return;
    }
    file_bytes_ += piece.size();
    XXH3_128bits_update(state_.get(), piece.data(), piece.size());
}

std::array<std::uint8_t, 16> ContentHash::digest() const {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_.get()));
    std::array<std::uint8_t, 16> out{};
    std::memcpy(out.data(), canonical.digest, out.size());
    return out;
}

std::string hex(const std::array<std::uint8_t, 16>& digest) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t byte : digest) {
        out += kHex[byte >> 4U];
        out += kHex[byte & 15U];
    }
    return out;
}

}  // namespace sallyport::feeds
