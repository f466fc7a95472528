// SPDX-License-Identifier: Apache-2.0
#include "feeds/compiler.h"

#include "classifier/pattern_set.h"
#include "classifier/threat_builder.h"
#include "classifier/threat_database.h"
#include "feeds/content_hash.h"
#include "feeds/line_reader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace sallyport::feeds {
namespace {

using classifier::Origin;
using classifier::PatternText;

/// Names no list means. A pattern that matches all of them matches anything, so it is a mistake or
/// an attack (failures-and-attacks F2).
constexpr std::array<std::string_view, 8> kNeutralNames{
    "www.example.com",
    "kubernetes.default.svc.cluster.local",
    "a.root-servers.net",
    "registry-1.docker.io",
    "xn--bcher-kva.example",
    "1.2.0.192.in-addr.arpa",
    "q.de",
    "s3.eu-central-1.amazonaws.com"};

/// A file that takes its place when it is complete, and vanishes when it does not get there.
class PendingFile {
public:
    explicit PendingFile(std::string target) : target_(std::move(target)) {}
    PendingFile(const PendingFile&) = delete;
    PendingFile& operator=(const PendingFile&) = delete;
    ~PendingFile() {
        if (fd_ >= 0) {
            close(fd_);
            unlink(temporary_.c_str());
        }
    }

    Status open();
    bool write(std::span<const std::byte> bytes);
    Status publish();
    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] const std::string& temporary() const { return temporary_; }

private:
    [[nodiscard]] Error failure() const {
        return {target_ + ": " + std::generic_category().message(errno)};
    }

    std::string target_;
    std::string temporary_;
    int fd_ = -1;
    std::uint64_t size_ = 0;
};

Status PendingFile::open() {
    temporary_ = target_ + ".XXXXXX";
    fd_ = mkostemp(temporary_.data(), O_CLOEXEC);
    if (fd_ < 0) {
        return failure();
    }
    // The gateway may run as another user than the one that compiles.
    constexpr mode_t kReadable = 0644;
    if (fchmod(fd_, kReadable) != 0) {
        return failure();
    }
    return Done{};
}

bool PendingFile::write(std::span<const std::byte> bytes) {
    size_ += bytes.size();
    while (!bytes.empty()) {
        const ssize_t done = ::write(fd_, bytes.data(), bytes.size());
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return false;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
    return true;
}

Status PendingFile::publish() {
    if (fsync(fd_) != 0 || rename(temporary_.c_str(), target_.c_str()) != 0) {
        return failure();
    }
    close(fd_);
    fd_ = -1;
    // The new name itself must survive a power cut.
    const std::string parent = std::filesystem::path(target_).parent_path().string();
    const int directory = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_CLOEXEC);
    if (directory >= 0) {
        fsync(directory);
        close(directory);
    }
    return Done{};
}

std::uint64_t size_on_disk(const FeedSource& source) {
    std::uint64_t sum = 0;
    const Result<std::vector<std::string>> files = feed_files(source);
    if (files) {
        for (const std::string& path : files.value()) {
            std::error_code error;
            const std::uint64_t size = std::filesystem::file_size(path, error);
            sum += error ? 0 : size;
        }
    }
    return sum;
}

class Compiler {
public:
    Compiler(
        const std::vector<FeedSource>& sources, Problems& problems, const CompileOptions& options
    );

    Result<CompileReport> run(const std::string& output_path);

private:
    /// Kept apart until Hyperscan has taken them all.
    struct PendingPattern {
        std::string text;
        classifier::PatternKind kind;
        Origin origin;
        std::size_t source;
    };

    void check_sources();
    void read(std::size_t index);
    void take(std::size_t index, const Indicator& indicator, const Place& place);
    void compile_patterns();
    void refuse_pattern(std::size_t index, std::string problem);
    void guard_changes(const std::string& output_path);
    void tell_progress(const std::string& feed, std::uint64_t bytes);
    void collect_problems();
    Status write(const std::string& output_path);

    const std::vector<FeedSource>& sources_;
    Problems& problems_;
    const CompileOptions& options_;
    ContentHash hash_;
    classifier::ThreatBuilder builder_;
    std::vector<PendingPattern> patterns_;
    std::set<std::string> patterns_seen_;
    std::vector<std::string> files_;  ///< by number in the builder
    std::size_t first_file_ = 0;      ///< of the feed being read
    std::uint64_t bytes_before_ = 0;  ///< read of the feeds before this one
    std::uint64_t bytes_total_ = 0;
    std::uint64_t indicators_ = 0;
    Problems fatal_;
    CompileReport report_;
};

std::vector<FeedNames> names_of(const std::vector<FeedSource>& sources) {
    std::vector<FeedNames> names;
    names.reserve(sources.size());
    for (const FeedSource& source : sources) {
        names.push_back({source.name, source.category, source.action, source.confidence});
    }
    return names;
}

Compiler::Compiler(
    const std::vector<FeedSource>& sources, Problems& problems, const CompileOptions& options
)
    : sources_(sources),
      problems_(problems),
      options_(options),
      hash_(options.never_block),
      builder_(names_of(sources), random_hash_key(), random_hash_key()) {
    for (const FeedSource& source : sources_) {
        bytes_total_ += size_on_disk(source);
    }
}

void Compiler::check_sources() {
    if (sources_.size() >= classifier::kFeedsMax) {
        fatal_.push_back({"", 0, 0, "more than " + std::to_string(classifier::kFeedsMax) + " feeds"}
        );
    }
    std::set<std::string> names;
    for (const FeedSource& source : sources_) {
        if (!names.insert(source.name).second) {
            fatal_.push_back({"", 0, 0, "two feeds are called \"" + source.name + "\""});
        }
        if (source.confidence > 100) {
            fatal_.push_back(
                {"",
                 0,
                 0,
                 "feed \"" + source.name + "\": confidence " + std::to_string(source.confidence) +
                     " is outside 0-100"}
            );
        }
    }
}

void Compiler::tell_progress(const std::string& feed, std::uint64_t bytes) {
    if (options_.progress) {
        options_.progress({feed, bytes_before_ + bytes, bytes_total_, indicators_});
    }
}

void Compiler::take(std::size_t index, const Indicator& indicator, const Place& place) {
    ++indicators_;
    Origin origin;
    origin.feed = static_cast<std::uint16_t>(index);
    origin.file = static_cast<std::uint16_t>(first_file_ + place.file);
    origin.line = static_cast<std::uint32_t>(std::min<std::size_t>(place.line, UINT32_MAX));
    origin.action = indicator.allow        ? FeedAction::allow
                    : indicator.alert_only ? FeedAction::alert
                                           : sources_[index].action;
    if (sources_[index].action == FeedAction::allow) {
        // A page that is fine says nothing about the rest of its host, a host that is does.
        origin.action = indicator.alert_only ? FeedAction::alert : FeedAction::allow;
    }
    switch (indicator.type) {
        case IndicatorType::address:
        case IndicatorType::prefix:
            builder_.add_prefix(indicator.prefix, origin);
            break;
        case IndicatorType::address_port:
            builder_.add_pair(indicator.prefix.address, indicator.port, origin);
            break;
        case IndicatorType::pattern:
            if (patterns_seen_.insert(std::to_string(index) + ' ' + indicator.text).second) {
                patterns_.push_back({indicator.text, indicator.pattern, origin, index});
            } else {
                ++report_.feeds.back().repeats;
            }
            break;
        default:
            builder_.add_name(indicator.type, indicator.text, origin);
            break;
    }
}

void Compiler::read(std::size_t index) {
    const FeedSource& source = sources_[index];
    report_.feeds.emplace_back();
    first_file_ = files_.size();
    hash_.add_source(source);
    bool files_full = false;
    FeedReaderHooks hooks;
    hooks.file = [&](const std::string& path) {
        hash_.begin_file(path);
        files_.push_back(path);
        files_full = files_.size() > classifier::kFilesMax;
        if (!files_full) {
            builder_.add_file(path);
        }
    };
    hooks.indicator = [&](const Indicator& indicator, const Place& place) {
        if (!files_full && indicators_ < kIndicatorsTotalMax) {
            take(index, indicator, place);
        } else {
            files_full = true;
        }
    };
    hooks.bytes = [this](std::string_view piece) { hash_.bytes(piece); };
    hooks.progress = [&](std::uint64_t bytes, std::uint64_t) { tell_progress(source.name, bytes); };
    FeedReport report = read_feed(source, options_.never_block, hooks);
    report.repeats += report_.feeds.back().repeats;
    if (files_full && report.refused.empty()) {
        report.refused = source.path + ": all feeds together exceed " +
                         std::to_string(kIndicatorsTotalMax) + " indicators or " +
                         std::to_string(classifier::kFilesMax) + " files";
    }
    bytes_before_ += report.bytes;
    report_.feeds.back() = std::move(report);
}

void Compiler::refuse_pattern(std::size_t index, std::string problem) {
    const PendingPattern& pattern = patterns_[index];
    FeedReport& feed = report_.feeds[pattern.source];
    ++feed.bad_lines;
    --feed.indicators[static_cast<std::size_t>(IndicatorType::pattern)];
    add_problem(
        feed,
        files_[pattern.origin.file],
        pattern.origin.line,
        std::move(problem) + " (\"" + pattern.text.substr(0, 80) + "\")"
    );
}

// Every pattern that Hyperscan takes and that means something goes into the database.
void Compiler::compile_patterns() {
    if (patterns_.empty()) {
        return;
    }
    if (patterns_.size() > kPatternsTotalMax) {
        fatal_.push_back(
            {"",
             0,
             0,
             std::to_string(patterns_.size()) + " patterns in all feeds together, more than " +
                 std::to_string(kPatternsTotalMax)}
        );
        return;
    }
    std::vector<PatternText> texts;
    for (const PendingPattern& pattern : patterns_) {
        texts.push_back({pattern.text, pattern.kind});
    }
    std::vector<classifier::PatternFault> faults;
    const auto set = classifier::PatternSet::compile(texts, options_.pattern_cache, &faults);
    if (!set) {
        fatal_.push_back({"", 0, 0, set.error().message});
        return;
    }
    std::vector<bool> refused(patterns_.size());
    for (classifier::PatternFault& fault : faults) {
        refused[fault.index] = true;
        refuse_pattern(fault.index, std::move(fault.message));
    }
    hs_scratch* raw = nullptr;
    const Status fitted = set.value().fit_scratch(&raw);
    const classifier::Scratch scratch(raw);
    if (!fitted) {
        fatal_.push_back({"", 0, 0, fitted.error().message});
        return;
    }
    std::vector<unsigned> hits(patterns_.size());
    for (const std::string_view name : kNeutralNames) {
        const auto count = [](void* at, unsigned pattern) {
            ++(*static_cast<std::vector<unsigned>*>(at))[pattern];
        };
        if (scratch != nullptr && !set.value().scan(name, scratch.get(), count, &hits)) {
            fatal_.push_back({"", 0, 0, "Hyperscan fails to scan with these patterns"});
            return;
        }
    }
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
        const PendingPattern& pattern = patterns_[i];
        if (hits[i] == kNeutralNames.size()) {
            refuse_pattern(i, "a pattern that matches every name");
        } else if (!refused[i]) {
            builder_.add_pattern({pattern.text, pattern.kind}, pattern.origin);
        }
    }
    for (std::size_t i = 0; i < report_.feeds.size(); ++i) {
        refuse_over_budget(sources_[i], report_.feeds[i]);
    }
}

// Holds the last good database when a feed changed beyond what lists do from one day to the next.
void Compiler::guard_changes(const std::string& output_path) {
    if (options_.shrink_percent_max == 0 && options_.growth_percent_max == 0) {
        return;
    }
    const Result<classifier::DatabaseSummary> before = classifier::summarise(output_path);
    if (!before) {
        return;  // none yet, or of another version: nothing to compare with
    }
    for (FeedReport& feed : report_.feeds) {
        const auto& old = before.value().feeds;
        const auto same = std::ranges::find(old, feed.name, &classifier::FeedSummary::name);
        if (same == old.end() || same->indicators < kGuardedIndicatorsMin ||
            !feed.refused.empty()) {
            continue;
        }
        const auto was = same->indicators;
        const auto now = feed.indicator_count();
        const bool shrank = options_.shrink_percent_max != 0 &&
                            now * 100 < was * (100 - std::min(options_.shrink_percent_max, 100U));
        const bool grew = options_.growth_percent_max != 0 &&
                          now * 100 > was * (100 + std::uint64_t{options_.growth_percent_max});
        if (shrank || grew) {
            feed.refused = feed.name + ": " + (shrank ? "shrank" : "grew") + " from " +
                           std::to_string(was) + " to " + std::to_string(now) +
                           " indicators, beyond what is taken without a look";
        }
    }
}

void Compiler::collect_problems() {
    for (const FeedReport& feed : report_.feeds) {
        problems_.insert(problems_.end(), feed.problems.begin(), feed.problems.end());
        if (feed.problems_left_out != 0) {
            problems_.push_back(
                {"",
                 0,
                 0,
                 "feed \"" + feed.name + "\": " + std::to_string(feed.problems_left_out) +
                     " more problems"}
            );
        }
        if (!feed.refused.empty()) {
            fatal_.push_back({"", 0, 0, "feed \"" + feed.name + "\" refused: " + feed.refused});
        }
    }
    problems_.insert(problems_.end(), fatal_.begin(), fatal_.end());
}

Status Compiler::write(const std::string& output_path) {
    PendingFile file(output_path);
    if (Status opened = file.open(); !opened) {
        return opened;
    }
    errno = 0;
    const Status built = builder_.finish(hash_.digest(), [&file](std::span<const std::byte> bytes) {
        return file.write(bytes);
    });
    if (!built) {
        return Error{
            output_path + ": " + built.error().message +
            (errno != 0 ? std::string(": ") + std::generic_category().message(errno) : "")};
    }
    // What workers will map passes the same check here first.
    if (const auto good = classifier::summarise(file.temporary()); !good) {
        return Error{"the new threat database fails its own check: " + good.error().message};
    }
    report_.file_bytes = file.size();
    return file.publish();
}

Result<CompileReport> Compiler::run(const std::string& output_path) {
    check_sources();
    for (std::size_t i = 0; i < sources_.size() && fatal_.empty(); ++i) {
        read(i);
    }
    tell_progress("", 0);
    compile_patterns();
    if (!output_path.empty()) {
        guard_changes(output_path);
    }
    collect_problems();
    if (!fatal_.empty()) {
        return Error{
            fatal_.front().message +
            (fatal_.size() > 1 ? " (and " + std::to_string(fatal_.size() - 1) + " more problems)"
                               : "")};
    }
    if (!output_path.empty()) {
        const Status written = write(output_path);
        if (!written) {
            problems_.push_back({"", 0, 0, written.error().message});
            return written.error();
        }
        const std::vector<std::uint64_t> kept = builder_.indicators_by_feed();
        for (std::size_t i = 0; i < kept.size(); ++i) {
            FeedReport& feed = report_.feeds[i];
            feed.repeats = feed.indicator_count() - kept[i];
        }
    }
    for (const FeedReport& feed : report_.feeds) {
        report_.indicators += feed.indicator_count() - feed.repeats;
    }
    report_.content_hash = hex(hash_.digest());
    return std::move(report_);
}

}  // namespace

Result<CompileReport> compile(
    const std::vector<FeedSource>& sources,
    const std::string& output_path,
    Problems& problems,
    const CompileOptions& options
) {
    return Compiler(sources, problems, options).run(output_path);
}

std::string inputs_hash(const std::vector<FeedSource>& sources, const NeverBlock& never_block) {
    ContentHash hash(never_block);
    for (const FeedSource& source : sources) {
        const Result<std::vector<std::string>> files = feed_files(source);
        if (!files) {
            return {};
        }
        hash.add_source(source);
        for (const std::string& path : files.value()) {
            hash.begin_file(path);
            LineReader reader;
            reader.on_bytes([&hash](std::string_view piece) { hash.bytes(piece); });
            if (!reader.open(path) || !reader.skip_all()) {
                return {};
            }
            hash.bytes({});
        }
    }
    return hex(hash.digest());
}

}  // namespace sallyport::feeds
