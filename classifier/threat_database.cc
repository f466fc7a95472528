// SPDX-License-Identifier: Apache-2.0
#include "classifier/threat_database.h"

#include "classifier/pattern_set.h"
#include "classifier/threat_image.h"

#include <hs.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <span>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace sallyport::classifier {
namespace {

/// A file's bytes in memory of our own, on huge pages where the kernel has them: in a mapping of
/// the page cache a cold lookup pays as much for address translation as for the table's line, and
/// whoever cut the file short would stop the gateway with SIGBUS.
class Memory {
public:
    Memory() = default;
    Memory(void* at, std::size_t size) noexcept : at_(at), size_(size) {}
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    Memory(Memory&& other) noexcept
        : at_(std::exchange(other.at_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}
    Memory& operator=(Memory&& other) noexcept {
        std::swap(at_, other.at_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Memory() {
        if (at_ != nullptr) {
            munmap(at_, size_);
        }
    }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
        return {static_cast<const std::byte*>(at_), size_};
    }
    static Result<Memory> load(const std::string& path);

private:
    static Result<Memory> load(int fd, const std::string& path);

    void* at_ = nullptr;
    std::size_t size_ = 0;
};

Error system_error(const std::string& path) {
    return {path + ": " + std::generic_category().message(errno)};
}

Result<Memory> Memory::load(int fd, const std::string& path) {
    struct stat status = {};
    if (fstat(fd, &status) != 0) {
        return system_error(path);
    }
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (!S_ISREG(status.st_mode) || size == 0 || size > kImageBytesMax) {
        return Error{path + ": not a threat database"};
    }
    void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        return system_error(path);
    }
    Memory memory(at, size);
    madvise(at, size, MADV_HUGEPAGE);  // a wish: without huge pages lookups are slower
    for (std::size_t have = 0; have < size;) {
        const ssize_t got = ::read(fd, static_cast<char*>(at) + have, size - have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? system_error(path)
                           : Error{path + ": became shorter while it was read"};
        }
        have += static_cast<std::size_t>(got);
    }
    if (mprotect(at, size, PROT_READ) != 0) {
        return system_error(path);
    }
    return memory;
}

Result<Memory> Memory::load(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return system_error(path);
    }
    Result<Memory> memory = load(fd, path);
    close(fd);
    return memory;
}

std::string hash_text(const ImageHeader& header) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t byte : header.content_hash) {
        out += kHex[byte >> 4U];
        out += kHex[byte & 15U];
    }
    return out;
}

unsigned strength(const ThreatMatch& match) noexcept {
    return static_cast<unsigned>(match.action);
}

/// Fills ThreatMatches. When they are full, a stronger action displaces a weaker one, so that no
/// number of alerts hides a deny, and no number of denies an allow.
class MatchCollector {
public:
    explicit MatchCollector(ThreatMatches& out) noexcept : out_(out) {}

    void operator()(const ThreatMatch& match) noexcept {
        if (out_.size < kThreatMatchesMax) {
            out_.add(match);
            return;
        }
        out_.total = static_cast<std::uint8_t>(out_.total < 255 ? out_.total + 1 : 255);
        for (std::size_t i = kThreatMatchesMax; i > 0; --i) {
            if (strength(out_.items[i - 1]) < strength(match)) {
                std::move(out_.items.begin() + i, out_.items.end(), out_.items.begin() + i - 1);
                out_.items.back() = match;
                return;
            }
        }
    }

private:
    ThreatMatches& out_;
};

class LoadedDatabase final : public ThreatDatabase {
public:
    LoadedDatabase() = default;
    LoadedDatabase(Memory memory, const ImageView& view)
        : memory_(std::move(memory)),
          view_(view),
          addresses_(view.addresses) {
        load_names();
    }
    Status load_patterns(const std::string& cache_directory);

    void match_address(const IpAddress& address, std::uint16_t port, ThreatMatches& out)
        const noexcept override {
        visit_address(address, port, MatchCollector(out));
    }
    void prefetch_address(const IpAddress& address) const noexcept override {
        addresses_.prefetch(address);
    }
    void match_name(std::string_view name, hs_scratch* scratch, ThreatMatches& out)
        const noexcept override {
        NameSteps steps;
        begin_name(name, steps);
        fetch_name(steps);
        match_name(name, steps, scratch, out);
    }
    void match_name(
        std::string_view name, const NameSteps& steps, hs_scratch* scratch, ThreatMatches& out
    ) const noexcept override {
        if (!visit_name(name, steps, scratch, MatchCollector(out))) {
            out.match_error = true;
        }
    }
    void begin_name(std::string_view name, NameSteps& steps) const noexcept override {
        view_.names.begin(name, steps);
    }
    void fetch_name(NameSteps& steps) const noexcept override { view_.names.fetch(steps); }
    [[nodiscard]] std::vector<ThreatMatch> every_match(const IpAddress& address, std::uint16_t port)
        const override {
        std::vector<ThreatMatch> all;
        visit_address(address, port, [&all](const ThreatMatch& match) { all.push_back(match); });
        return all;
    }
    [[nodiscard]] std::vector<ThreatMatch> every_match(std::string_view name, hs_scratch* scratch)
        const override {
        std::vector<ThreatMatch> all;
        NameSteps steps;
        begin_name(name, steps);
        fetch_name(steps);
        visit_name(name, steps, scratch, [&all](const ThreatMatch& match) {
            all.push_back(match);
        });
        return all;
    }
    [[nodiscard]] IndicatorOrigin origin(const ThreatMatch& match) const override;

    [[nodiscard]] bool has_addresses() const noexcept override {
        return view_.header != nullptr && view_.header->address_count != 0;
    }
    [[nodiscard]] bool has_names() const noexcept override {
        return view_.header != nullptr && view_.header->name_count != 0;
    }
    [[nodiscard]] bool names_decide() const noexcept override {
        constexpr std::uint32_t kAlertOnly = 1U << static_cast<unsigned>(FeedAction::alert);
        return view_.header != nullptr && (view_.header->name_actions & ~kAlertOnly) != 0;
    }
    [[nodiscard]] Result<Scratch> make_scratch() const override;
    [[nodiscard]] const std::vector<FeedNames>& feeds() const noexcept override { return feeds_; }
    [[nodiscard]] const std::vector<std::string>& patterns() const noexcept override {
        return patterns_;
    }
    [[nodiscard]] std::size_t indicator_count() const noexcept override {
        return view_.header == nullptr ? 0 : view_.header->indicator_count;
    }
    [[nodiscard]] std::vector<std::size_t> indicators_by_feed() const override {
        std::vector<std::size_t> out;
        for (const FeedRecord& feed : view_.feeds) {
            out.push_back(feed.indicators);
        }
        return out;
    }
    [[nodiscard]] const std::string& content_hash() const noexcept override {
        return content_hash_;
    }

private:
    void load_names();
    [[nodiscard]] ThreatMatch match_of(std::uint32_t id, std::size_t detail) const noexcept {
        const IndicatorRecord& record = view_.indicators[id];
        return make_match(record.feed, record.type, record.action, detail, id);
    }
    [[nodiscard]] ThreatMatch make_match(
        std::uint16_t feed,
        std::uint8_t type,
        unsigned action,
        std::size_t detail,
        std::uint32_t indicator
    ) const noexcept {
        ThreatMatch match;
        match.feed = feed;
        match.type = static_cast<IndicatorType>(type);
        match.action = static_cast<FeedAction>(action);
        match.detail = static_cast<std::uint8_t>(detail);
        match.confidence = view_.feeds[feed].confidence;
        match.indicator = indicator;
        return match;
    }
    template <class Visit>
    void visit_address(const IpAddress& address, std::uint16_t port, Visit&& visit) const noexcept;
    template <class Visit>
    bool visit_name(
        std::string_view name, const NameSteps& steps, hs_scratch* scratch, Visit&& visit
    ) const noexcept;
    template <class Visit>
    void visit_pattern(unsigned pattern, Visit& visit) const noexcept;

    Memory memory_;
    ImageView view_;
    AddressSet addresses_;
    PatternSet pattern_set_;
    std::vector<FeedNames> feeds_;
    std::vector<std::string> patterns_;
    std::string content_hash_ = std::string(32, '0');
};

// What an indicator of this type says about a name whose matching suffix begins at `offset`.
bool applies(std::uint8_t type, std::size_t offset) noexcept {
    switch (static_cast<IndicatorType>(type)) {
        case IndicatorType::domain:
            return offset == 0;
        case IndicatorType::subdomains:
            return offset != 0;
        default:
            return true;
    }
}

template <class Visit>
void LoadedDatabase::visit_address(const IpAddress& address, std::uint16_t port, Visit&& visit)
    const noexcept {
    addresses_.walk(address, port, [&](const Target& target, unsigned length) noexcept {
        if ((target.ref & kListBit) == 0) {
            const unsigned action = target.flags & kActionMask;
            visit(make_match(target.feed, target.type, action, length, target.ref));
            return;
        }
        view_.each_of(target.ref, [&](std::uint32_t id) noexcept {
            visit(match_of(id, view_.indicators[id].prefix_length));
        });
    });
}

template <class Visit>
void LoadedDatabase::visit_pattern(unsigned pattern, Visit& visit) const noexcept {
    if (pattern >= view_.patterns.size()) {
        return;  // a cached Hyperscan database is not covered by check_image()
    }
    const IndicatorRecord& record = view_.indicators[view_.patterns[pattern].indicator];
    visit(make_match(
        record.feed, static_cast<std::uint8_t>(IndicatorType::pattern), record.action, 0, pattern
    ));
}

template <class Visit>
bool LoadedDatabase::visit_name(
    std::string_view name, const NameSteps& steps, hs_scratch* scratch, Visit&& visit
) const noexcept {
    view_.names.walk(name, steps, [&](const Target& target, std::size_t offset) noexcept {
        if ((target.ref & kListBit) == 0) {
            if (applies(target.type, offset)) {
                const unsigned action = target.flags & kActionMask;
                visit(make_match(target.feed, target.type, action, offset, target.ref));
            }
            return;
        }
        view_.each_of(target.ref, [&](std::uint32_t id) noexcept {
            if (applies(view_.indicators[id].type, offset)) {
                visit(match_of(id, offset));
            }
        });
    });
    if (scratch == nullptr || pattern_set_.empty() || name.empty()) {
        return true;
    }
    using VisitType = std::remove_reference_t<Visit>;
    std::pair<const LoadedDatabase*, VisitType*> context{this, &visit};
    return pattern_set_.scan(
        name,
        scratch,
        [](void* opaque, unsigned pattern) {
            const auto* at = static_cast<decltype(context)*>(opaque);
            at->first->visit_pattern(pattern, *at->second);
        },
        &context
    );
}

void LoadedDatabase::load_names() {
    for (const FeedRecord& record : view_.feeds) {
        FeedNames& feed = feeds_.emplace_back();
        feed.name = view_.text(record.name_offset, record.name_size);
        feed.category = view_.text(record.category_offset, record.category_size);
        feed.action = static_cast<FeedAction>(record.action);
        feed.confidence = record.confidence;
    }
    for (const PatternRecord& record : view_.patterns) {
        patterns_.emplace_back(view_.text(record.text_offset, record.text_size));
    }
    content_hash_ = hash_text(*view_.header);
}

Status LoadedDatabase::load_patterns(const std::string& cache_directory) {
    std::vector<PatternText> texts;
    for (std::size_t i = 0; i < view_.patterns.size(); ++i) {
        texts.push_back({patterns_[i], static_cast<PatternKind>(view_.patterns[i].kind)});
    }
    Result<PatternSet> compiled = PatternSet::compile(texts, cache_directory, nullptr);
    if (!compiled) {
        return compiled.error();
    }
    pattern_set_ = std::move(compiled).value();
    return Done{};
}

Result<Scratch> LoadedDatabase::make_scratch() const {
    hs_scratch* scratch = nullptr;
    const Status fitted = pattern_set_.fit_scratch(&scratch);
    Scratch owned(scratch);
    if (!fitted) {
        return fitted.error();
    }
    return owned;
}

IndicatorOrigin LoadedDatabase::origin(const ThreatMatch& match) const {
    std::uint32_t id = match.indicator;
    if (match.type == IndicatorType::pattern) {
        if (id >= view_.patterns.size()) {
            return {};
        }
        id = view_.patterns[id].indicator;
    }
    if (id >= view_.indicators.size()) {
        return {};
    }
    const IndicatorRecord& record = view_.indicators[id];
    const FileRecord& file = view_.files[record.file];
    return {std::string(view_.text(file.path_offset, file.path_size)), record.line};
}

}  // namespace

void ScratchDeleter::operator()(hs_scratch* scratch) const noexcept {
    hs_free_scratch(scratch);
}

ThreatDatabase::~ThreatDatabase() = default;

void ThreatDatabase::match_name(
    std::string_view name, const NameSteps& /*steps*/, hs_scratch* scratch, ThreatMatches& out
) const noexcept {
    match_name(name, scratch, out);
}

void ThreatDatabase::begin_name(std::string_view /*name*/, NameSteps& steps) const noexcept {
    steps.hashed = 0;
}

void ThreatDatabase::fetch_name(NameSteps& steps) const noexcept {
    steps.taken = 0;
}

IndicatorOrigin ThreatDatabase::origin(const ThreatMatch& /*match*/) const {
    return {};
}

std::vector<ThreatMatch> ThreatDatabase::every_match(const IpAddress& address, std::uint16_t port)
    const {
    ThreatMatches matches;
    match_address(address, port, matches);
    return {matches.items.begin(), matches.items.begin() + matches.size};
}

std::vector<ThreatMatch> ThreatDatabase::every_match(std::string_view name, hs_scratch* scratch)
    const {
    ThreatMatches matches;
    match_name(name, scratch, matches);
    return {matches.items.begin(), matches.items.begin() + matches.size};
}

std::vector<std::size_t> ThreatDatabase::indicators_by_feed() const {
    return {};
}

Result<std::shared_ptr<const ThreatDatabase>> ThreatDatabase::open(
    const std::string& path, const std::string& cache_directory
) {
    Result<Memory> memory = Memory::load(path);
    if (!memory) {
        return memory.error();
    }
    const Result<ImageView> view = check_image(memory.value().bytes());
    if (!view) {
        return Error{path + ": not a usable threat database: " + view.error().message};
    }
    auto database = std::make_shared<LoadedDatabase>(std::move(memory).value(), view.value());
    const Status loaded = database->load_patterns(cache_directory);
    if (!loaded) {
        return Error{path + ": " + loaded.error().message};
    }
    return std::shared_ptr<const ThreatDatabase>(std::move(database));
}

Result<DatabaseSummary> summarise(const std::string& path) {
    const Result<Memory> memory = Memory::load(path);
    if (!memory) {
        return memory.error();
    }
    const Result<ImageView> view = check_image(memory.value().bytes());
    if (!view) {
        return Error{path + ": not a usable threat database: " + view.error().message};
    }
    DatabaseSummary summary;
    summary.content_hash = hash_text(*view.value().header);
    for (const FeedRecord& feed : view.value().feeds) {
        summary.feeds.push_back(
            {std::string(view.value().text(feed.name_offset, feed.name_size)), feed.indicators}
        );
    }
    return summary;
}

std::shared_ptr<const ThreatDatabase> ThreatDatabase::empty() {
    return std::make_shared<LoadedDatabase>();
}

FeedAction decisive_action(const ThreatMatches& matches) noexcept {
    FeedAction decisive = FeedAction::alert;
    for (std::size_t i = 0; i < matches.size; ++i) {
        if (matches.items[i].action > decisive) {
            decisive = matches.items[i].action;
        }
    }
    return decisive;
}

}  // namespace sallyport::classifier
