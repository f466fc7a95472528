// SPDX-License-Identifier: Apache-2.0
#include "classifier/pattern_set.h"

#include "gateway/model/facts.h"

#include <hs.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <unistd.h>
#include <xxhash.h>

namespace sallyport::classifier {
namespace {

constexpr std::array<char, 8> kCacheMagic{'S', 'P', 'H', 'S', 'D', 'B', '0', '1'};
constexpr std::uint64_t kCacheBytesMax = 1ULL << 30U;
/// Every change of the feeds' patterns leaves one file; older ones are of no use but to a way back.
constexpr std::size_t kCacheFilesMax = 16;
/// A shard that Hyperscan refuses more often than this is given up as a whole.
constexpr std::size_t kFaultsPerShardMax = 256;

struct CacheHeader {
    std::array<char, 8> magic = kCacheMagic;
    std::uint64_t size = 0;
    XXH128_canonical_t checksum{};
};

// Names are lower case already. Expressions come from people who may have written capitals.
unsigned flags_of(PatternKind kind) {
    return kind == PatternKind::wildcard ? HS_FLAG_SINGLEMATCH
                                         : HS_FLAG_SINGLEMATCH | HS_FLAG_CASELESS;
}

std::string take_message(hs_compile_error_t* error) {
    std::string message = error != nullptr ? error->message : "unknown error";
    hs_free_compile_error(error);
    while (!message.empty() && (message.back() == '.' || message.back() == ' ')) {
        message.pop_back();
    }
    return message;
}

// A bounded repeat beyond a name's length can never matter, but costs memory by its bound.
bool repeats_too_often(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
            continue;
        }
        if (text[i] != '{' && text[i] != ',') {
            continue;
        }
        std::size_t bound = 0;
        const char* const end = text.data() + text.size();
        const auto [next, error] = std::from_chars(text.data() + i + 1, end, bound);
        const bool closed = next != end && (*next == '}' || *next == ',');
        if (error == std::errc::result_out_of_range ||
            (error == std::errc{} && closed && bound > kNameBytesMax)) {
            return true;
        }
    }
    return false;
}

std::string cache_file_name(std::span<const std::string> expressions, unsigned flags) {
    hs_platform_info_t platform{};
    hs_populate_platform(&platform);
    std::string key = hs_version();
    key.append(reinterpret_cast<const char*>(&platform), sizeof platform);
    key.append(reinterpret_cast<const char*>(&flags), sizeof flags);
    for (const std::string& expression : expressions) {
        key += expression;
        key += '\n';
    }
    XXH128_canonical_t digest;
    XXH128_canonicalFromHash(&digest, XXH3_128bits(key.data(), key.size()));
    std::string name = "patterns-";
    for (const unsigned char byte : digest.digest) {
        constexpr std::string_view kHex = "0123456789abcdef";
        name += kHex[byte >> 4U];
        name += kHex[byte & 15U];
    }
    return name + ".hsdb";
}

void prune_cache(const std::filesystem::path& directory) {
    std::vector<std::pair<std::filesystem::file_time_type, std::filesystem::path>> files;
    std::error_code error;
    for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
         at.increment(error)) {
        std::error_code gone;
        const auto written = at->last_write_time(gone);
        if (!gone && at->path().extension() == ".hsdb") {
            files.emplace_back(written, at->path());
        }
    }
    if (files.size() <= kCacheFilesMax) {
        return;
    }
    std::ranges::sort(files);
    for (std::size_t i = 0; i + kCacheFilesMax < files.size(); ++i) {
        std::filesystem::remove(files[i].second, error);
    }
}

struct ScanContext {
    PatternSet::Visit visit;
    void* context;
};

int on_match(unsigned id, unsigned long long, unsigned long long, unsigned, void* opaque) {
    const auto* scan = static_cast<const ScanContext*>(opaque);
    scan->visit(scan->context, id);
    return 0;
}

}  // namespace

struct PatternSet::Shard {
    PatternKind kind = PatternKind::wildcard;
    std::vector<std::string> expressions;
    std::vector<unsigned> ids;
};

std::string pattern_expression(const PatternText& pattern) {
    if (pattern.kind == PatternKind::expression) {
        return std::string(pattern.text);
    }
    // A star at an end needs no anchor there, and then most wildcards are plain strings to
    // Hyperscan: thousands of `^.*` would take a minute to compile.
    std::string_view text = pattern.text;
    const bool open_begin = text.starts_with('*');
    const bool open_end = text.ends_with('*');
    while (text.starts_with('*')) {
        text.remove_prefix(1);
    }
    while (text.ends_with('*')) {
        text.remove_suffix(1);
    }
    std::string out = open_begin ? "" : "^";
    for (const char c : text) {
        if (c == '*') {
            out += ".*";
        } else if (c == '?') {
            out += "[^.]";
        } else {
            if (c == '.' || c == '-') {
                out += '\\';
            }
            out += c;
        }
    }
    return open_end ? out : out + '$';
}

std::optional<std::string> pattern_problem(const PatternText& pattern) {
    if (pattern.text.size() > kPatternBytesMax) {
        return "a pattern of more than " + std::to_string(kPatternBytesMax) + " bytes";
    }
    const std::string expression = pattern_expression(pattern);
    if (repeats_too_often(expression)) {
        return "a repeat beyond the " + std::to_string(kNameBytesMax) + " bytes a name has";
    }
    hs_expr_info_t* info = nullptr;
    hs_compile_error_t* error = nullptr;
    if (hs_expression_info(expression.c_str(), flags_of(pattern.kind), &info, &error) !=
        HS_SUCCESS) {
        return "not an expression Hyperscan takes: " + take_message(error);
    }
    const bool matches_empty = info->min_width == 0;
    const bool too_wide = info->min_width > kNameBytesMax;
    std::free(info);  // NOLINT(cppcoreguidelines-no-malloc,hicpp-no-malloc): hs.h asks for it
    if (matches_empty) {
        return "a pattern that matches the empty string matches every name";
    }
    if (too_wide) {
        return "a pattern longer than any name";
    }
    return std::nullopt;
}

void PatternSet::DatabaseDeleter::operator()(hs_database* database) const noexcept {
    hs_free_database(database);
}

Result<PatternSet::Database> PatternSet::compile_shard(
    Shard& shard, std::vector<PatternFault>* faults
) {
    for (std::size_t attempt = 0; !shard.ids.empty(); ++attempt) {
        std::vector<const char*> texts;
        for (const std::string& expression : shard.expressions) {
            texts.push_back(expression.c_str());
        }
        const std::vector<unsigned> flags(texts.size(), flags_of(shard.kind));
        hs_database_t* database = nullptr;
        hs_compile_error_t* error = nullptr;
        const auto count = static_cast<unsigned>(texts.size());
        if (hs_compile_multi(
                texts.data(),
                flags.data(),
                shard.ids.data(),
                count,
                HS_MODE_BLOCK,
                nullptr,
                &database,
                &error
            ) == HS_SUCCESS) {
            return Database(database);
        }
        const int failed = error != nullptr ? error->expression : -1;
        const std::string message = take_message(error);
        if (failed < 0 || failed >= static_cast<int>(count) || faults == nullptr ||
            attempt >= kFaultsPerShardMax) {
            return Error{"Hyperscan cannot compile the patterns: " + message};
        }
        faults->push_back(
            {shard.ids[static_cast<std::size_t>(failed)],
             "not an expression Hyperscan takes: " + message}
        );
        shard.ids.erase(shard.ids.begin() + failed);
        shard.expressions.erase(shard.expressions.begin() + failed);
    }
    return Database();
}

PatternSet::Database PatternSet::load_cached(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    CacheHeader header;
    if (!in.read(reinterpret_cast<char*>(&header), sizeof header) || header.magic != kCacheMagic ||
        header.size > kCacheBytesMax) {
        return nullptr;
    }
    std::error_code error;
    if (std::filesystem::file_size(path, error) != sizeof header + header.size || error) {
        return nullptr;
    }
    std::vector<char> bytes(header.size);
    if (!in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
        return nullptr;
    }
    // Hyperscan trusts what it deserialises, so damage must be found before.
    const XXH128_hash_t expected = XXH128_hashFromCanonical(&header.checksum);
    if (XXH128_isEqual(expected, XXH3_128bits(bytes.data(), bytes.size())) == 0) {
        return nullptr;
    }
    hs_database_t* database = nullptr;
    if (hs_deserialize_database(bytes.data(), bytes.size(), &database) != HS_SUCCESS) {
        return nullptr;
    }
    return Database(database);
}

void PatternSet::store_cached(const std::string& path, const hs_database* database) {
    char* bytes = nullptr;
    std::size_t size = 0;
    if (hs_serialize_database(database, &bytes, &size) != HS_SUCCESS) {
        return;
    }
    const std::unique_ptr<char, decltype(&std::free)> owned(bytes, &std::free);
    CacheHeader header;
    header.size = size;
    XXH128_canonicalFromHash(&header.checksum, XXH3_128bits(bytes, size));
    std::string temporary = path + ".XXXXXX";
    const int fd = mkstemp(temporary.data());
    if (fd < 0) {
        return;
    }
    close(fd);
    std::error_code error;
    {
        std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
        out.write(reinterpret_cast<const char*>(&header), sizeof header);
        out.write(bytes, static_cast<std::streamsize>(size));
        out.close();
        if (!out) {
            std::filesystem::remove(temporary, error);
            return;
        }
    }
    std::filesystem::rename(temporary, path, error);
    if (error) {
        std::filesystem::remove(temporary, error);
    }
    prune_cache(std::filesystem::path(path).parent_path());
}

Result<PatternSet> PatternSet::compile(
    std::span<const PatternText> patterns,
    const std::string& cache_directory,
    std::vector<PatternFault>* faults
) {
    PatternSet set;
    if (!patterns.empty() && hs_valid_platform() != HS_SUCCESS) {
        return Error{"patterns need a processor with SSSE3, which Hyperscan requires"};
    }
    std::vector<Shard> shards;
    std::array<std::size_t, 2> open{SIZE_MAX, SIZE_MAX};  // by kind: the shard that takes more
    for (std::size_t i = 0; i < patterns.size(); ++i) {
        std::size_t& at = open[static_cast<std::size_t>(patterns[i].kind)];
        if (at == SIZE_MAX || shards[at].ids.size() == kShardPatternsMax) {
            at = shards.size();
            shards.emplace_back();
            shards.back().kind = patterns[i].kind;
        }
        shards[at].expressions.push_back(pattern_expression(patterns[i]));
        shards[at].ids.push_back(static_cast<unsigned>(i));
    }
    std::error_code ignored;
    if (!cache_directory.empty() && !shards.empty()) {
        std::filesystem::create_directories(cache_directory, ignored);
    }
    for (Shard& shard : shards) {
        std::string path;
        if (!cache_directory.empty()) {
            std::vector<std::string> key = shard.expressions;
            for (const unsigned id : shard.ids) {
                key.push_back(std::to_string(id));
            }
            path = cache_directory + "/" + cache_file_name(key, flags_of(shard.kind));
        }
        if (Database cached = path.empty() ? nullptr : load_cached(path)) {
            set.shards_.push_back(std::move(cached));
            ++set.cached_;
            continue;
        }
        const std::size_t offered = shard.ids.size();
        Result<Database> compiled = compile_shard(shard, faults);
        if (!compiled) {
            return compiled.error();
        }
        if (compiled.value() == nullptr) {
            continue;
        }
        ++set.compiled_;
        // With a fault inside, the next run must find it again.
        if (!path.empty() && shard.ids.size() == offered) {
            store_cached(path, compiled.value().get());
        }
        set.shards_.push_back(std::move(compiled).value());
    }
    return set;
}

Status PatternSet::fit_scratch(hs_scratch** scratch) const {
    for (const Database& shard : shards_) {
        if (hs_alloc_scratch(shard.get(), scratch) != HS_SUCCESS) {
            return Error{"no memory for Hyperscan's scratch space"};
        }
    }
    return Done{};
}

bool PatternSet::scan(std::string_view name, hs_scratch* scratch, Visit visit, void* context)
    const noexcept {
    ScanContext scan_context{visit, context};
    bool ok = true;
    for (const Database& shard : shards_) {
        ok &= hs_scan(
                  shard.get(),
                  name.data(),
                  static_cast<unsigned>(name.size()),
                  0,
                  scratch,
                  on_match,
                  &scan_context
              ) == HS_SUCCESS;
    }
    return ok;
}

}  // namespace sallyport::classifier
