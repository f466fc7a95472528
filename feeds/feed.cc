// SPDX-License-Identifier: Apache-2.0
#include "feeds/feed.h"

#include "classifier/threat_builder.h"
#include "feeds/format.h"
#include "feeds/line_reader.h"
#include "feeds/normalise.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <numeric>
#include <system_error>

namespace sallyport::feeds {
namespace {

constexpr std::size_t kValueShownMax = 80;
constexpr std::uint64_t kProgressBytes = 1U << 20U;

// A value as it may stand in a message: printable, and not endless.
std::string shown(std::string_view raw) {
    std::string out = "\"";
    for (const char c : raw.substr(0, kValueShownMax)) {
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            out += c;
        } else {
            constexpr std::string_view kHex = "0123456789abcdef";
            const auto byte = static_cast<unsigned char>(c);
            out += "\\x";
            out += kHex[byte >> 4U];
            out += kHex[byte & 15U];
        }
    }
    return out + (raw.size() > kValueShownMax ? "...\"" : "\"");
}

struct Magic {
    std::string_view bytes;
    std::string_view kind;
};

// What is no text at all, or text of another kind. Said of the whole file before any line is read.
std::string foreign_content(std::string_view head) {
    constexpr std::array<Magic, 7> kMagics{
        {{"\x1f\x8b", "gzip"},
         {"\x28\xb5\x2f\xfd", "zstd"},
         {"BZh", "bzip2"},
         {"\xfd"
          "7zXZ",
          "xz"},
         {"PK\x03\x04", "zip"},
         {"\xff\xfe", ""},
         {"\xfe\xff", ""}}};
    for (const Magic& magic : kMagics) {
        if (head.starts_with(magic.bytes)) {
            return magic.kind.empty()
                       ? "UTF-16 text: convert it to UTF-8"
                       : "compressed with " + std::string(magic.kind) + ": unpack it first";
        }
    }
    std::string start(trim(head.substr(0, 1024)).substr(0, 32));
    std::ranges::transform(start, start.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    for (const std::string_view tag : {"<!doctype", "<html", "<head", "<body", "<?xml"}) {
        if (start.starts_with(tag)) {
            return "a page of HTML or XML, not a feed: the server may have answered with an error "
                   "or its terms of use";
        }
    }
    return {};
}

// In a directory: what a list is called, and not what comes along with it.
bool is_feed_file(const std::filesystem::path& path) {
    constexpr std::array<std::string_view, 9> kExtensions{
        "", ".txt", ".csv", ".tsv", ".list", ".hosts", ".ipset", ".netset", ".conf"};
    constexpr std::array<std::string_view, 4> kCompanions{"LICENSE", "COPYING", "README", "NOTICE"};
    return std::ranges::find(kExtensions, path.extension().string()) != kExtensions.end() &&
           std::ranges::find(kCompanions, path.stem().string()) == kCompanions.end();
}

class FeedReader final : public ValueSink {
public:
    FeedReader(
        const FeedSource& source, const NeverBlock& never_block, const FeedReaderHooks& hooks
    )
        : source_(source),
          hooks_(hooks),
          guards_(never_block) {
        report_.name = source.name;
    }

    FeedReport read();

    void value(std::string_view raw, const ValueHint& hint) override;
    void skip(SkipReason reason) override;
    void bad(std::string_view raw, std::string problem) override;
    void refuse(std::string problem) override;

private:
    void read_file(const std::string& path);
    void read_lines(LineReader& lines);
    void take_line(LineReader::Next next, std::string_view text);
    void guard_address(Indicator& indicator, std::string_view raw);
    void guard_name(const Indicator& indicator);
    void give(const Indicator& indicator);
    [[nodiscard]] bool blocks(const Indicator& indicator) const {
        return source_.action != FeedAction::allow && !indicator.allow;
    }
    void check_limits(std::uint64_t bytes);

    const FeedSource& source_;
    const FeedReaderHooks& hooks_;
    GuardRails guards_;
    FeedReport report_;
    std::unique_ptr<Format> format_;
    NormaliseRules rules_;
    std::string path_;
    Place place_;
    std::array<std::uint64_t, kSkipReasonCount> skipped_{};
    std::uint64_t bytes_told_ = 0;
    bool line_bad_ = false;
};

void FeedReader::skip(SkipReason reason) {
    ++skipped_[static_cast<std::size_t>(reason)];
}

void FeedReader::bad(std::string_view raw, std::string problem) {
    line_bad_ = true;
    add_problem(report_, path_, place_.line, problem + " (" + shown(raw) + ")");
}

void FeedReader::refuse(std::string problem) {
    if (report_.refused.empty()) {
        report_.refused = path_ + ": " + problem;
    }
}

void FeedReader::give(const Indicator& indicator) {
    ++report_.indicators[static_cast<std::size_t>(indicator.type)];
    if (hooks_.indicator) {
        hooks_.indicator(indicator, place_);
    }
}

void FeedReader::guard_address(Indicator& indicator, std::string_view raw) {
    const IpPrefix& prefix = indicator.prefix;
    const unsigned configured =
        prefix.address.is_v4() ? source_.v4_prefix_min : source_.v6_prefix_min;
    const unsigned shortest = std::max(configured, 1U);  // nothing may match every address
    if (prefix.length < shortest) {
        add_problem(
            report_,
            path_,
            place_.line,
            "left out: a prefix wider than /" + std::to_string(shortest) + " (" + shown(raw) + ")"
        );
        skip(SkipReason::too_wide);
        return;
    }
    if (!blocks(indicator) || guards_.untouched(prefix)) {
        give(indicator);
        return;
    }
    const std::vector<IpPrefix> parts = guards_.subtract(prefix);
    skip(parts.empty() ? SkipReason::guarded_address : SkipReason::guarded_part);
    Indicator part = indicator;
    for (const IpPrefix& left : parts) {
        part.prefix = left;
        part.type =
            left.length == left.address.bits() ? IndicatorType::address : IndicatorType::prefix;
        give(part);
    }
}

void FeedReader::guard_name(const Indicator& indicator) {
    if (!blocks(indicator)) {
        give(indicator);
        return;
    }
    if (guards_.never_blocks(indicator.text, indicator.type != IndicatorType::domain)) {
        skip(SkipReason::never_block);
        return;
    }
    const bool denies = source_.action == FeedAction::deny && !indicator.alert_only;
    if (denies && !source_.allow_public_suffixes && is_public_suffix(indicator.text)) {
        skip(SkipReason::public_suffix);
        return;
    }
    give(indicator);
}

void FeedReader::value(std::string_view raw, const ValueHint& hint) {
    Normalised result = normalise(raw, rules_, hint);
    switch (result.outcome) {
        case Outcome::skipped:
            skip(result.skip);
            return;
        case Outcome::bad:
            bad(raw, std::move(result.problem));
            return;
        case Outcome::indicator:
            break;
    }
    Indicator& indicator = result.indicator;
    switch (indicator.type) {
        case IndicatorType::address:
        case IndicatorType::prefix:
        case IndicatorType::address_port:
            guard_address(indicator, raw);
            return;
        case IndicatorType::pattern:
            give(indicator);
            return;
        default:
            guard_name(indicator);
            return;
    }
}

void FeedReader::take_line(LineReader::Next next, std::string_view text) {
    line_bad_ = false;
    text = trim(text);
    bool counts = !text.empty();
    if (next == LineReader::Next::too_long) {
        bad(text, "a line of more than " + std::to_string(kLineBytesMax) + " bytes");
        counts = true;
    } else if (text.find('\0') != std::string_view::npos) {
        bad(text, "a line with a zero byte");
    } else if (counts) {
        counts = format_->line(text, *this);
    }
    if (!counts) {
        return;
    }
    ++report_.lines;
    report_.bad_lines += line_bad_ ? 1 : 0;
}

void FeedReader::check_limits(std::uint64_t bytes) {
    const std::uint64_t total = report_.bytes + bytes;
    if (total > kFeedBytesMax) {
        refuse("larger than " + std::to_string(kFeedBytesMax) + " bytes");
    }
    if (report_.indicator_count() > kIndicatorsTotalMax) {
        refuse("more than " + std::to_string(kIndicatorsTotalMax) + " indicators");
    }
    if (hooks_.progress && total - bytes_told_ >= kProgressBytes) {
        bytes_told_ = total;
        hooks_.progress(total, report_.indicator_count());
    }
}

void FeedReader::read_lines(LineReader& lines) {
    std::string_view text;
    while (report_.refused.empty()) {
        const LineReader::Next next = lines.next(text);
        if (next == LineReader::Next::end) {
            return;
        }
        if (next == LineReader::Next::failed) {
            refuse(lines.error());
            return;
        }
        place_.line = lines.line_number();
        take_line(next, text);
        check_limits(lines.bytes_read());
    }
}

void FeedReader::read_file(const std::string& path) {
    path_ = path;
    if (hooks_.file) {
        hooks_.file(path);
    }
    LineReader lines;
    if (hooks_.bytes) {
        lines.on_bytes(hooks_.bytes);
    }
    if (const Status opened = lines.open(path); !opened) {
        refuse(opened.error().message);
        return;
    }
    if (const std::string foreign = foreign_content(lines.head()); !foreign.empty()) {
        refuse(foreign);
        return;
    }
    report_.format =
        source_.format == "auto" ? detect_format(lines.head(), source_) : source_.format;
    format_ = make_format(report_.format, source_);
    rules_ = format_->rules(source_);
    read_lines(lines);
    if (hooks_.bytes) {
        hooks_.bytes({});
    }
    report_.bytes += lines.bytes_read();
    ++report_.files;
    ++place_.file;
}

FeedReport FeedReader::read() {
    const auto known = format_names();
    if (std::ranges::find(known, source_.format) == known.end()) {
        std::string names;
        for (const std::string_view name : known) {
            names += names.empty() ? "" : ", ";
            names += name;
        }
        report_.refused = "no format \"" + source_.format + "\"; there are " + names;
        return std::move(report_);
    }
    const Result<std::vector<std::string>> files = feed_files(source_);
    if (!files) {
        report_.refused = files.error().message;
        return std::move(report_);
    }
    for (const std::string& path : files.value()) {
        read_file(path);
        if (!report_.refused.empty()) {
            break;
        }
    }
    for (std::size_t i = 0; i < kSkipReasonCount; ++i) {
        if (skipped_[i] != 0) {
            report_.skipped[std::string(name_of(static_cast<SkipReason>(i)))] = skipped_[i];
        }
    }
    if (hooks_.progress) {
        hooks_.progress(report_.bytes, report_.indicator_count());
    }
    refuse_over_budget(source_, report_);
    return std::move(report_);
}

}  // namespace

std::uint64_t FeedReport::indicator_count() const {
    return std::accumulate(indicators.begin(), indicators.end(), std::uint64_t{0});
}

std::uint64_t FeedReport::skipped_count() const {
    std::uint64_t sum = 0;
    for (const auto& [reason, count] : skipped) {
        sum += count;
    }
    return sum;
}

void add_problem(FeedReport& report, const std::string& path, std::size_t line, std::string text) {
    if (report.problems.size() < kProblemsMax) {
        report.problems.push_back({path, line, 0, std::move(text)});
    } else {
        ++report.problems_left_out;
    }
}

bool refuse_over_budget(const FeedSource& source, FeedReport& report) {
    const double allowed = static_cast<double>(report.lines) * source.bad_lines_percent_max / 100.0;
    if (!report.refused.empty() || report.bad_lines <= kBadLinesTolerated ||
        static_cast<double>(report.bad_lines) <= allowed) {
        return false;
    }
    report.refused = source.path + ": " + std::to_string(report.bad_lines) + " of " +
                     std::to_string(report.lines) +
                     " lines are bad, more than bad_lines_percent_max allows";
    return true;
}

Result<std::vector<std::string>> feed_files(const FeedSource& source) {
    namespace fs = std::filesystem;
    std::error_code error;
    const fs::file_status status = fs::status(source.path, error);
    if (error || !fs::exists(status)) {
        return Error{source.path + ": " + (error ? error.message() : "no such file")};
    }
    if (!fs::is_directory(status)) {
        return std::vector<std::string>{source.path};
    }
    std::vector<std::string> files;
    for (fs::recursive_directory_iterator at(source.path, error), end; !error && at != end;
         at.increment(error)) {
        const fs::path& path = at->path();
        std::error_code gone;
        if (path.filename().string().starts_with('.')) {
            if (at->is_directory(gone)) {
                at.disable_recursion_pending();
            }
        } else if (at->is_regular_file(gone) && is_feed_file(path)) {
            files.push_back(path.string());
        }
        if (files.size() > classifier::kFilesMax) {
            return Error{
                source.path + ": more than " + std::to_string(classifier::kFilesMax) + " files"};
        }
    }
    if (error) {
        return Error{source.path + ": " + error.message()};
    }
    if (files.empty()) {
        return Error{source.path + ": a directory without feed files"};
    }
    std::ranges::sort(files);
    return files;
}

FeedReport read_feed(
    const FeedSource& source, const NeverBlock& never_block, const FeedReaderHooks& hooks
) {
    return FeedReader(source, never_block, hooks).read();
}

}  // namespace sallyport::feeds
