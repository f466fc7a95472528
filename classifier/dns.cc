// SPDX-License-Identifier: Apache-2.0
#include "classifier/dns.h"

#include "classifier/byte_cursor.h"
#include "classifier/name_text.h"

#include <cstring>
#include <type_traits>

namespace sallyport::classifier {
namespace {

constexpr std::uint16_t kFlagResponse = 0x8000;  // QR, RFC 1035 section 4.1.1
constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypeCname = 5;
constexpr std::uint16_t kTypeAaaa = 28;  // RFC 3596
constexpr std::uint16_t kClassInternet = 1;
constexpr std::uint8_t kLabelKindMask = 0xC0;  // 00 a label, 11 a pointer, the rest unassigned
constexpr std::uint32_t kTtlMax = 0x7FFFFFFF;  // RFC 2181 section 8
/// type, ttl and size in front of an answer's bytes, see DnsFacts::answers.
constexpr std::size_t kAnswerHeadBytes = 7;

struct Counts {
    std::uint16_t questions = 0;
    std::uint16_t answers = 0;
};

struct Record {
    std::uint16_t type = 0;
    std::uint16_t record_class = 0;
    std::uint32_t ttl_seconds = 0;
    std::size_t data_offset = 0;  ///< in the message, where a name in the data may point back from
    ByteCursor data;
};

// Reads the name at `cursor`, which walks `message` from its start, and leaves `cursor` behind it.
// Each pointer must lead to before the piece it ends (RFC 9267 section 2), so the walk always ends.
bool read_name(std::span<const std::uint8_t> message, ByteCursor& cursor, NameText& name) noexcept {
    ByteCursor walk = cursor;
    std::size_t piece_offset = walk.position();
    std::size_t octets = 1;  // the root's
    unsigned hops = 0;
    for (;;) {
        std::uint8_t size = 0;
        if (!walk.read_u8(size)) {
            return false;
        }
        if (size == 0) {
            break;
        }
        if ((size & kLabelKindMask) == 0) {
            ByteCursor label;
            octets += 1U + size;
            if (octets > kDnsNameOctetsMax || !walk.take(size, label)) {
                return false;
            }
            name.add_label(label.rest());
            continue;
        }
        std::uint8_t low = 0;
        if ((size & kLabelKindMask) != kLabelKindMask || !walk.read_u8(low)) {
            return false;
        }
        const std::size_t target = (static_cast<std::size_t>(size & ~kLabelKindMask) << 8U) | low;
        // No name lies in the header.
        if (target < kDnsHeaderBytes || target >= piece_offset || ++hops > kDnsPointerHopsMax) {
            return false;
        }
        if (hops == 1) {
            cursor = walk;
        }
        walk = ByteCursor(message);
        piece_offset = target;
        if (!walk.skip(target)) {
            return false;
        }
    }
    if (hops == 0) {
        cursor = walk;
    }
    return true;
}

// Steps over a name without following its pointer, which ends it.
bool skip_name(ByteCursor& cursor) noexcept {
    std::size_t octets = 1;
    for (;;) {
        const std::size_t offset = cursor.position();
        std::uint8_t size = 0;
        if (!cursor.read_u8(size)) {
            return false;
        }
        if (size == 0) {
            return true;
        }
        if ((size & kLabelKindMask) == kLabelKindMask) {
            std::uint8_t low = 0;
            return cursor.read_u8(low) &&
                   ((static_cast<std::size_t>(size & ~kLabelKindMask) << 8U) | low) < offset;
        }
        octets += 1U + size;
        if ((size & kLabelKindMask) != 0 || octets > kDnsNameOctetsMax || !cursor.skip(size)) {
            return false;
        }
    }
}

bool read_header(ByteCursor& cursor, DnsFacts& dns, Counts& counts) noexcept {
    std::uint16_t authorities = 0;
    std::uint16_t additionals = 0;
    return cursor.remaining() >= kDnsHeaderBytes && cursor.read_u16(dns.id) &&
           cursor.read_u16(dns.flags) && cursor.read_u16(counts.questions) &&
           cursor.read_u16(counts.answers) && cursor.read_u16(authorities) &&
           cursor.read_u16(additionals);
}

bool read_question(
    std::span<const std::uint8_t> message, ByteCursor& cursor, Facts& facts
) noexcept {
    NameText name;
    if (!read_name(message, cursor, name)) {
        facts.name_invalid = true;
        return false;
    }
    name.store(NameSource::dns, facts);
    if (!cursor.read_u16(facts.dns.type) || !cursor.read_u16(facts.dns.dns_class)) {
        return false;
    }
    facts.dns.question_end = static_cast<std::uint16_t>(cursor.position());
    return true;
}

bool read_record(ByteCursor& cursor, Record& record) noexcept {
    std::uint16_t data_size = 0;
    if (!skip_name(cursor) || !cursor.read_u16(record.type) ||
        !cursor.read_u16(record.record_class) || !cursor.read_u32(record.ttl_seconds) ||
        !cursor.read_u16(data_size)) {
        return false;
    }
    record.data_offset = cursor.position();
    return cursor.take(data_size, record.data);
}

// Packs answers as DnsFacts::answers documents.
class AnswerWriter {
public:
    explicit AnswerWriter(DnsFacts& dns) noexcept : dns_(dns) {}

    /// False, and the message marked as not kept whole, when there is no room.
    bool add(const Record& record, std::span<const std::uint8_t> data) noexcept {
        if (kDnsAnswerBytesMax - dns_.answers_size < kAnswerHeadBytes + data.size()) {
            dns_.truncated = true;
            return false;
        }
        append(record.type);
        append(record.ttl_seconds > kTtlMax ? std::uint32_t{0} : record.ttl_seconds);
        append(static_cast<std::uint8_t>(data.size()));
        for (const std::uint8_t byte : data) {
            append(byte);
        }
        return true;
    }

private:
    template <class T>
    void append(T value) noexcept {
        static_assert(std::is_unsigned_v<T>);
        std::memcpy(dns_.answers.data() + dns_.answers_size, &value, sizeof(value));
        dns_.answers_size = static_cast<std::uint16_t>(dns_.answers_size + sizeof(value));
    }

    DnsFacts& dns_;
};

// The target of an alias as text. False when it breaks the rules of a name or does not fill its
// record.
bool add_alias(
    std::span<const std::uint8_t> message, const Record& record, AnswerWriter& writer
) noexcept {
    NameText name;
    ByteCursor cursor(message);
    if (!cursor.skip(record.data_offset) || !read_name(message, cursor, name) ||
        cursor.position() != record.data_offset + record.data.remaining()) {
        return false;
    }
    std::array<char, kNameBytesMax> text;  // NOLINT: only what copy_to() writes is read
    const std::size_t size = name.copy_to(text);
    return writer.add(record, {reinterpret_cast<const std::uint8_t*>(text.data()), size});
}

// Which records are kept, and how: a wrong size is a malformed message, a full `answers` is not.
bool keep_answer(
    std::span<const std::uint8_t> message, const Record& record, DnsFacts& dns, AnswerWriter& writer
) noexcept {
    if (record.record_class != kClassInternet) {
        return true;
    }
    if (record.type == kTypeA || record.type == kTypeAaaa) {
        if (record.data.remaining() != (record.type == kTypeA ? 4U : 16U)) {
            return false;
        }
        (void)writer.add(record, record.data.rest());
        return true;
    }
    // Once something did not fit, only addresses are looked for: reading names that are then thrown
    // away would be work an attacker sizes.
    if (record.type == kTypeCname && !dns.truncated) {
        return add_alias(message, record, writer) || dns.truncated;
    }
    return true;
}

bool read_answers(
    std::span<const std::uint8_t> message, ByteCursor& cursor, std::uint16_t count, DnsFacts& dns
) noexcept {
    AnswerWriter writer(dns);
    for (unsigned i = 0; i < count; ++i) {
        if (i == kDnsAnswersMax) {
            dns.truncated = true;
            return true;
        }
        Record record;
        if (!read_record(cursor, record) || !keep_answer(message, record, dns, writer)) {
            return false;
        }
    }
    return true;
}

ParseState parse(std::span<const std::uint8_t> message, Facts& facts) noexcept {
    ByteCursor cursor(message);
    Counts counts;
    if (!read_header(cursor, facts.dns, counts)) {
        return ParseState::not_this_protocol;
    }
    facts.protocol = AppProtocol::dns;
    facts.dns.is_response = (facts.dns.flags & kFlagResponse) != 0;
    facts.dns.answer_count = counts.answers;
    if (counts.questions != 0 && !read_question(message, cursor, facts)) {
        return ParseState::malformed;
    }
    if (counts.questions > 1) {
        return ParseState::malformed;  // RFC 9619
    }
    if (facts.dns.is_response && !read_answers(message, cursor, counts.answers, facts.dns)) {
        return ParseState::malformed;
    }
    return ParseState::complete;
}

}  // namespace

ParseState parse_dns(std::span<const std::uint8_t> message, Facts& facts) noexcept {
    facts.clear();
    facts.state = parse(message, facts);
    return facts.state;
}

}  // namespace sallyport::classifier
