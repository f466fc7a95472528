// SPDX-License-Identifier: Apache-2.0
#include "classifier/threat_image.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <xxhash.h>

namespace sallyport::classifier {
namespace {

constexpr std::array<std::byte, kSectionAlignment> kPadding{};

std::uint64_t aligned(std::uint64_t offset) {
    return (offset + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
}

// XXH3-128 over an image given in pieces, the header with its checksum taken as zero.
class ChecksumState {
public:
    explicit ChecksumState(ImageHeader header) : state_(XXH3_createState(), &XXH3_freeState) {
        header.checksum = {};
        XXH3_128bits_reset(state_.get());
        add(std::as_bytes(std::span(&header, 1)));
    }
    void add(std::span<const std::byte> bytes) {
        XXH3_128bits_update(state_.get(), bytes.data(), bytes.size());
    }
    [[nodiscard]] std::array<std::uint8_t, 16> digest() const {
        XXH128_canonical_t canonical;
        XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_.get()));
        std::array<std::uint8_t, 16> out{};
        std::memcpy(out.data(), canonical.digest, out.size());
        return out;
    }

private:
    std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
};

// Turns an image into a view, remembering the first thing wrong with it.
class ImageChecker {
public:
    explicit ImageChecker(std::span<const std::byte> image) : image_(image) {}

    Result<ImageView> check() {
        check_header();
        if (problem_.empty()) {
            bind_sections();
        }
        if (problem_.empty()) {
            check_records();
            check_tables();
            check_ranges();
        }
        if (!problem_.empty()) {
            return Error{problem_};
        }
        return view_;
    }

private:
    bool require(bool good, const char* problem) {
        if (!good && problem_.empty()) {
            problem_ = problem;
        }
        return good;
    }
    void check_header();
    void bind_sections();
    void check_records();
    void check_tables();
    void check_table(const FingerprintTable& table, const char* problem);
    void check_ranges();
    template <class T>
    std::span<const T> section(Section id);
    FingerprintTable table(Section id, std::uint32_t probe_max);
    [[nodiscard]] bool text_fits(std::uint32_t offset, std::uint32_t size) const {
        return std::uint64_t{offset} + size <= view_.strings.size();
    }
    [[nodiscard]] bool target_fits(const Target& target) const;

    std::span<const std::byte> image_;
    ImageView view_;
    std::string problem_;
};

void ImageChecker::check_header() {
    if (!require(image_.size() >= sizeof(ImageHeader), "shorter than its header")) {
        return;
    }
    view_.header = reinterpret_cast<const ImageHeader*>(image_.data());
    const ImageHeader& header = *view_.header;
    require(header.magic == kImageMagic, "not a threat database");
    require(header.byte_order == kByteOrderMark, "made on a machine of the other byte order");
    require(header.version == kImageVersion, "made by another version of sallyport");
    require(header.file_size == image_.size(), "its size is not the one it was written with");
    if (problem_.empty()) {
        ChecksumState checksum(header);
        checksum.add(image_.subspan(sizeof header));
        require(checksum.digest() == header.checksum, "its checksum is wrong");
    }
}

template <class T>
std::span<const T> ImageChecker::section(Section id) {
    const SectionPlace place = view_.header->sections[static_cast<std::size_t>(id)];
    if (!require(
            place.offset % kSectionAlignment == 0 && place.offset >= sizeof(ImageHeader) &&
                place.offset <= image_.size() && place.size <= image_.size() - place.offset,
            "a section lies outside the file"
        ) ||
        !require(place.size % sizeof(T) == 0, "a section holds a broken record")) {
        return {};
    }
    return {reinterpret_cast<const T*>(image_.data() + place.offset), place.size / sizeof(T)};
}

FingerprintTable ImageChecker::table(Section id, std::uint32_t probe_max) {
    require(probe_max <= kProbeMax, "a table is fuller than any this program writes");
    return {section<TableBucket>(id), probe_max};
}

void ImageChecker::bind_sections() {
    const ImageHeader& header = *view_.header;
    const auto strings = section<char>(Section::strings);
    view_.strings = {strings.data(), strings.size()};
    view_.feeds = section<FeedRecord>(Section::feeds);
    view_.files = section<FileRecord>(Section::files);
    view_.indicators = section<IndicatorRecord>(Section::indicators);
    view_.lists = section<std::uint32_t>(Section::lists);
    view_.patterns = section<PatternRecord>(Section::patterns);
    const FingerprintTable names = table(Section::names, header.names_probe_max);
    const auto filter = section<std::uint64_t>(Section::names_filter);
    require(names.empty() || !filter.empty(), "names without their filter");
    view_.names = SuffixHash(names, NameFilter(filter), {header.name_key[0], header.name_key[1]});
    AddressTables& t = view_.addresses;
    t.key = {header.address_key[0], header.address_key[1]};
    t.occupancy = section<std::uint8_t>(Section::v4_occupancy);
    t.hosts = table(Section::v4_hosts, header.v4_probe_max);
    t.index = section<std::uint32_t>(Section::v4_index);
    t.starts = section<std::uint32_t>(Section::v4_starts);
    t.ranges = section<RangeRecord>(Section::v4_refs);
    t.v6_prefixes = table(Section::v6_prefixes, header.v6_probe_max);
    t.v6_blocks = table(Section::v6_blocks, header.v6_blocks_probe_max);
    t.v6_lengths = section<LengthMask>(Section::v6_lengths);
    t.v6_short_lengths = header.v6_short_lengths;
    t.ports = table(Section::ports, header.ports_probe_max);
    require(t.occupancy.empty() || t.occupancy.size() == kOccupancyBytes, "a cut bitmap");
    require(t.index.empty() || t.index.size() == kV4IndexEntries, "a cut range index");
    require(t.starts.size() == t.ranges.size(), "ranges without their meaning");
    require((t.v6_short_lengths & 1U) == 0, "a prefix that holds every address");
}

bool ImageChecker::target_fits(const Target& target) const {
    if (target.ref == kNoRef) {
        return true;
    }
    if ((target.ref & kListBit) == 0) {
        return target.ref < view_.indicators.size() && target.feed < view_.feeds.size() &&
               (target.flags & kActionMask) <= static_cast<unsigned>(FeedAction::allow);
    }
    return (target.ref & ~kListBit) < view_.lists.size();
}

void ImageChecker::check_records() {
    require(view_.feeds.size() <= 0x10000 && view_.files.size() <= 0x10000, "too many feeds");
    for (const FeedRecord& feed : view_.feeds) {
        require(
            text_fits(feed.name_offset, feed.name_size) &&
                text_fits(feed.category_offset, feed.category_size) && feed.confidence <= 100 &&
                feed.action <= static_cast<unsigned>(FeedAction::allow),
            "a broken feed record"
        );
    }
    for (const FileRecord& file : view_.files) {
        require(text_fits(file.path_offset, file.path_size), "a broken file record");
    }
    bool good = view_.indicators.size() < kListBit;
    for (const IndicatorRecord& record : view_.indicators) {
        good &= record.feed < view_.feeds.size() && record.file < view_.files.size() &&
                record.type <= static_cast<unsigned>(IndicatorType::pattern) &&
                record.action <= static_cast<unsigned>(FeedAction::allow);
    }
    require(good, "a broken indicator record");
    // Wherever a list begins, it runs over good ids and ends at a mark inside the section.
    require(view_.lists.empty() || (view_.lists.back() & kListBit) != 0, "a list without an end");
    require(
        std::ranges::all_of(
            view_.lists,
            [this](std::uint32_t id) { return (id & ~kListBit) < view_.indicators.size(); }
        ),
        "a list of indicators that are not there"
    );
    for (const PatternRecord& pattern : view_.patterns) {
        require(
            text_fits(pattern.text_offset, pattern.text_size) &&
                pattern.indicator < view_.indicators.size() &&
                pattern.kind <= static_cast<unsigned>(PatternKind::expression),
            "a broken pattern record"
        );
    }
}

void ImageChecker::check_table(const FingerprintTable& table, const char* problem) {
    bool good = true;
    for (const TableBucket& bucket : table.buckets()) {
        for (const TableEntry& entry : bucket.entries) {
            good &= entry.fingerprint == 0 || target_fits(entry.target);
        }
    }
    require(good, problem);
}

void ImageChecker::check_tables() {
    const AddressTables& t = view_.addresses;
    check_table(view_.names.table(), "a broken entry among the names");
    check_table(t.hosts, "a broken entry among the addresses");
    check_table(t.ports, "a broken entry among the ports");
    check_table(t.v6_prefixes, "a broken entry among the IPv6 prefixes");
    for (const TableBucket& bucket : t.v6_blocks.buckets()) {
        for (const TableEntry& entry : bucket.entries) {
            require(
                entry.fingerprint == 0 || entry.target.ref < t.v6_lengths.size(),
                "a broken entry among the IPv6 blocks"
            );
        }
    }
}

void ImageChecker::check_ranges() {
    const AddressTables& t = view_.addresses;
    require(std::ranges::is_sorted(t.starts), "ranges out of order");
    require(
        std::ranges::is_sorted(t.index) && (t.index.empty() || t.index.back() <= t.starts.size()),
        "a broken range index"
    );
    require(
        std::ranges::all_of(
            t.ranges,
            [this](const RangeRecord& range) {
                return range.prefix_length <= 32 && target_fits(range.target);
            }
        ),
        "a broken range"
    );
}

}  // namespace

Result<ImageView> check_image(std::span<const std::byte> image) {
    return ImageChecker(image).check();
}

void seal_image(std::span<std::byte> image) {
    ImageHeader header;
    std::memcpy(&header, image.data(), sizeof header);
    header.file_size = image.size();
    ChecksumState checksum(header);
    checksum.add(image.subspan(sizeof header));
    header.checksum = checksum.digest();
    std::memcpy(image.data(), &header, sizeof header);
}

bool write_image(
    ImageHeader& header,
    const std::array<std::span<const std::byte>, kSectionCount>& sections,
    const std::function<bool(std::span<const std::byte>)>& write
) {
    std::uint64_t offset = sizeof header;
    for (std::size_t i = 0; i < kSectionCount; ++i) {
        offset = aligned(offset);
        header.sections[i] = {offset, sections[i].size()};
        offset += sections[i].size();
    }
    header.file_size = offset;
    const auto each_piece = [&](const auto& take) {
        std::uint64_t at = sizeof header;
        for (std::size_t i = 0; i < kSectionCount; ++i) {
            const std::uint64_t padding = header.sections[i].offset - at;
            if (!take(std::span(kPadding).first(padding)) || !take(sections[i])) {
                return false;
            }
            at = header.sections[i].offset + header.sections[i].size;
        }
        return true;
    };
    ChecksumState checksum(header);
    each_piece([&](std::span<const std::byte> piece) {
        checksum.add(piece);
        return true;
    });
    header.checksum = checksum.digest();
    return write(std::as_bytes(std::span(&header, 1))) && each_piece(write);
}

}  // namespace sallyport::classifier
