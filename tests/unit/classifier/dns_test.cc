// SPDX-License-Identifier: Apache-2.0
// Goal: a DNS message gives its question and answers, and no message, however it lies about counts,
// sizes and pointers, costs more than its bytes. Method: messages by hand, cut at every length, one
// byte changed at a time, and the table of RFC 9267.
#include "classifier/dns.h"

#include "tests/support/packet_bytes.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace sallyport::classifier {
namespace {

using test::Bytes;
using test::bytes_of;
using test::operator+;  // NOLINT(misc-unused-using-decls): operators are not seen
using test::dns_labels;
using test::dns_name;
using test::dns_pointer;
using test::DnsMessage;
using test::kDnsFlagsAnswer;
using test::kDnsTypeA;
using test::kDnsTypeAaaa;
using test::kDnsTypeCname;

constexpr std::uint16_t kTypeTxt = 16;

struct Answer {
    std::uint16_t type = 0;
    std::uint32_t ttl = 0;
    Bytes data;
    friend bool operator==(const Answer&, const Answer&) = default;
};

// Unpacks DnsFacts::answers as its consumers do.
std::vector<Answer> answers_of(const DnsFacts& dns) {
    std::vector<Answer> out;
    std::size_t at = 0;
    while (at + 7 <= dns.answers_size) {
        Answer answer;
        std::memcpy(&answer.type, &dns.answers[at], 2);
        std::memcpy(&answer.ttl, &dns.answers[at + 2], 4);
        const std::size_t size = dns.answers[at + 6];
        at += 7;
        EXPECT_LE(at + size, dns.answers_size);
        answer.data.assign(&dns.answers[at], &dns.answers[at] + size);
        at += size;
        out.push_back(answer);
    }
    EXPECT_EQ(at, dns.answers_size);
    return out;
}

TEST(Dns, ReadsAQuery) {
    const Bytes message = DnsMessage().question("Www.Example.COM", kDnsTypeAaaa).build();
    Facts facts;
    EXPECT_EQ(parse_dns(message, facts), ParseState::complete);
    EXPECT_EQ(facts.state, ParseState::complete);
    EXPECT_EQ(facts.protocol, AppProtocol::dns);
    EXPECT_EQ(facts.name_source, NameSource::dns);
    EXPECT_EQ(facts.name_view(), "www.example.com");
    EXPECT_FALSE(facts.name_invalid);
    EXPECT_EQ(facts.dns.id, 0x1234);
    EXPECT_EQ(facts.dns.flags, 0x0100);
    EXPECT_EQ(facts.dns.type, kDnsTypeAaaa);
    EXPECT_EQ(facts.dns.dns_class, 1);
    EXPECT_EQ(facts.dns.question_end, message.size());
    EXPECT_FALSE(facts.dns.is_response);
    EXPECT_EQ(facts.dns.answers_size, 0);
}

// RFC 1035 section 4.1.4: F.ISI.ARPA, FOO.F.ISI.ARPA, ARPA and the root, here as aliases of each
// other.
TEST(Dns, ReadsTheCompressionExampleOfRfc1035) {
    DnsMessage message(kDnsFlagsAnswer);
    message.question("F.ISI.ARPA", kDnsTypeCname);
    constexpr std::uint16_t kFirst = 12;
    constexpr std::uint16_t kArpa = kFirst + 2 + 4;
    message.answer(
        dns_pointer(kFirst), kDnsTypeCname, Bytes{3, 'F', 'O', 'O'} + dns_pointer(kFirst)
    );
    message.answer(dns_pointer(kFirst), kDnsTypeCname, dns_pointer(kArpa));
    message.answer(dns_pointer(kFirst), kDnsTypeCname, Bytes{0});
    Facts facts;
    EXPECT_EQ(parse_dns(message.build(), facts), ParseState::complete);
    EXPECT_EQ(facts.name_view(), "f.isi.arpa");
    EXPECT_EQ(
        answers_of(facts.dns),
        (std::vector<Answer>{
            {kDnsTypeCname, 60, bytes_of("foo.f.isi.arpa")},
            {kDnsTypeCname, 60, bytes_of("arpa")},
            {kDnsTypeCname, 60, {}}})
    );
}

TEST(Dns, KeepsAddressesAndAliases) {
    const Bytes v4{192, 0, 2, 1};
    const Bytes v6{0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
    DnsMessage message(kDnsFlagsAnswer);
    message.question("a.example");
    message.answer(dns_pointer(12), kDnsTypeCname, dns_name("b.example"), 300);
    message.answer(dns_name("b.example"), kDnsTypeA, v4, 30);
    message.answer(dns_name("b.example"), kTypeTxt, bytes_of("\x03one"), 30);
    message.answer(dns_name("b.example"), kDnsTypeA, v4, 30, 3);  // CHAOS: no internet address
    message.answer(dns_name("b.example"), kDnsTypeAaaa, v6, 0x80000000U);
    Facts facts;
    EXPECT_EQ(parse_dns(message.build(), facts), ParseState::complete);
    EXPECT_TRUE(facts.dns.is_response);
    EXPECT_EQ(facts.dns.answer_count, 5);
    EXPECT_FALSE(facts.dns.truncated);
    EXPECT_EQ(
        answers_of(facts.dns),
        (std::vector<Answer>{
            {kDnsTypeCname, 300, bytes_of("b.example")}, {kDnsTypeA, 30, v4}, {kDnsTypeAaaa, 0, v6}}
        )  // RFC 2181 section 8: a TTL with its top bit set is zero
    );
}

TEST(Dns, AnswersOfAQueryAreNotRead) {
    const Bytes message =
        DnsMessage().question("a.example").answer(dns_pointer(12), kDnsTypeA, {1, 2, 3, 4}).build();
    Facts facts;
    EXPECT_EQ(parse_dns(message, facts), ParseState::complete);
    EXPECT_EQ(facts.dns.answers_size, 0);
}

TEST(Dns, FullAnswersKeepAddressesAndSaySo) {
    DnsMessage message(kDnsFlagsAnswer);
    message.question("a.example");
    const std::string label(63, 'l');
    const Bytes longest = dns_labels({label, label, label, std::string(61, 'l')});
    message.answer(dns_pointer(12), kDnsTypeCname, longest);
    for (std::uint8_t i = 0; i < 30; ++i) {
        message.answer(dns_pointer(12), kDnsTypeA, {10, 0, 0, i});
    }
    Facts facts;
    EXPECT_EQ(parse_dns(message.build(), facts), ParseState::complete);
    EXPECT_TRUE(facts.dns.truncated);
    const auto answers = answers_of(facts.dns);
    ASSERT_EQ(answers.size(), kDnsAnswerBytesMax / 11);
    EXPECT_EQ(answers.front().data, (Bytes{10, 0, 0, 0}));
}

TEST(Dns, LooksAtABoundedNumberOfAnswers) {
    DnsMessage message(kDnsFlagsAnswer);
    message.question("a.example");
    for (unsigned i = 0; i < kDnsAnswersMax; ++i) {
        message.answer(dns_pointer(12), kTypeTxt, {0});
    }
    Facts facts;
    EXPECT_EQ(parse_dns(message.build(), facts), ParseState::complete);
    EXPECT_FALSE(facts.dns.truncated);
    message.answer(dns_pointer(12), kDnsTypeA, {1, 2, 3, 4});
    EXPECT_EQ(parse_dns(message.build(), facts), ParseState::complete);
    EXPECT_TRUE(facts.dns.truncated);
    EXPECT_EQ(facts.dns.answers_size, 0);
}

TEST(Dns, RootAndMissingQuestions) {
    Facts facts;
    EXPECT_EQ(
        parse_dns(DnsMessage().question(dns_name(""), 2).build(), facts), ParseState::complete
    );
    EXPECT_EQ(facts.name_source, NameSource::dns);
    EXPECT_EQ(facts.name_view(), "");
    EXPECT_FALSE(facts.name_invalid);
    EXPECT_EQ(facts.dns.question_end, 17);

    EXPECT_EQ(parse_dns(DnsMessage().build(), facts), ParseState::complete);
    EXPECT_EQ(facts.name_source, NameSource::none);
    EXPECT_EQ(facts.dns.question_end, 0);
}

TEST(Dns, OddLabelsAreReadableAndInvalid) {
    struct Case {
        std::string label;
        std::string_view text;
    };
    for (const Case& one : {
             Case{std::string("a\0b", 3), "a\\000b.example"},
             Case{"a.b", "a\\046b.example"},
             Case{"a\\b", "a\\092b.example"},
             Case{"a b", "a\\032b.example"},
             Case{"\x7F", "\\127.example"},
             Case{"\xC3\xBC", "\\195\\188.example"},
             Case{"H4sICN03*2QAA3", "h4sicn03*2qaa3.example"},
         }) {
        Facts facts;
        const Bytes message = DnsMessage().question(dns_labels({one.label, "example"})).build();
        EXPECT_EQ(parse_dns(message, facts), ParseState::complete);
        EXPECT_EQ(facts.name_view(), one.text);
        EXPECT_TRUE(facts.name_invalid) << one.text;
    }
    Facts facts;
    EXPECT_EQ(
        parse_dns(DnsMessage().question("_x.n1.example").build(), facts), ParseState::complete
    );
    EXPECT_FALSE(facts.name_invalid);
}

TEST(Dns, NameLimits) {
    const std::string label(63, 'l');
    Facts facts;
    const Bytes longest = dns_labels({label, label, label, std::string(61, 'm')});
    ASSERT_EQ(longest.size(), kDnsNameOctetsMax);
    EXPECT_EQ(parse_dns(DnsMessage().question(longest).build(), facts), ParseState::complete);
    EXPECT_EQ(facts.name_size, kNameBytesMax);
    EXPECT_FALSE(facts.name_invalid);

    const Bytes longer = dns_labels({label, label, label, std::string(62, 'm')});
    EXPECT_EQ(parse_dns(DnsMessage().question(longer).build(), facts), ParseState::malformed);
    EXPECT_TRUE(facts.name_invalid);
    EXPECT_EQ(facts.name_size, 0);
    EXPECT_EQ(facts.name_source, NameSource::none);
    EXPECT_EQ(facts.dns.question_end, 0);

    // 127 labels, the most there can be, each byte escaped: shortened from the left.
    std::vector<std::string> many(125, "\xFF");
    many.emplace_back("Z");
    EXPECT_EQ(
        parse_dns(DnsMessage().question(dns_labels(many)).build(), facts), ParseState::complete
    );
    EXPECT_TRUE(facts.name_invalid);
    EXPECT_TRUE(facts.name_view().starts_with(".\\255."));
    EXPECT_TRUE(facts.name_view().ends_with(".\\255.z"));
    EXPECT_LE(facts.name_size, kNameBytesMax);
}

TEST(Dns, CutAtEveryLength) {
    const Bytes query = DnsMessage().question("www.example.com").build();
    for (std::size_t size = 0; size < query.size(); ++size) {
        // A copy of just these bytes, so that a sanitizer sees a read past them.
        const Bytes cut(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(size));
        Facts facts;
        EXPECT_EQ(
            parse_dns(cut, facts),
            size < kDnsHeaderBytes ? ParseState::not_this_protocol : ParseState::malformed
        ) << size;
        EXPECT_EQ(facts.dns.question_end, 0) << size;
        EXPECT_EQ(facts.protocol, size < kDnsHeaderBytes ? AppProtocol::none : AppProtocol::dns);
    }
    const Bytes answer = DnsMessage(kDnsFlagsAnswer)
                             .question("a.example")
                             .answer(dns_pointer(12), kDnsTypeCname, dns_name("b.example"))
                             .answer(dns_pointer(12), kDnsTypeA, {1, 2, 3, 4})
                             .build();
    for (std::size_t size = query.size(); size < answer.size(); ++size) {
        const Bytes cut(answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(size));
        Facts facts;
        EXPECT_EQ(parse_dns(cut, facts), ParseState::malformed) << size;
    }
}

TEST(Dns, AnyByteChanged) {
    const Bytes good = DnsMessage(kDnsFlagsAnswer)
                           .question("www.example.com")
                           .answer(dns_pointer(12), kDnsTypeCname, Bytes{1, 'b'} + dns_pointer(16))
                           .answer(dns_name("b.example.com"), kDnsTypeA, {1, 2, 3, 4})
                           .build();
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (unsigned value = 0; value < 256; ++value) {
            Bytes bad = good;
            bad[at] = static_cast<std::uint8_t>(value);
            Facts facts;
            const ParseState state = parse_dns(bad, facts);
            ASSERT_EQ(state, facts.state);
            ASSERT_NE(state, ParseState::incomplete);
            ASSERT_LE(facts.name_size, kNameBytesMax);
            ASSERT_LE(facts.dns.question_end, bad.size());
            (void)answers_of(facts.dns);
        }
    }
}

// RFC 9267 sections 2 to 5: loops, self references, forward and out-of-bounds pointers, deep
// chains.
TEST(Dns, PointersThatDoNotPointBackAreRefused) {
    const auto parse_name = [](const Bytes& name) {
        Facts facts;
        return parse_dns(DnsMessage().question(name).build(), facts);
    };
    EXPECT_EQ(parse_name(dns_pointer(12)), ParseState::malformed) << "itself";
    EXPECT_EQ(parse_name(dns_pointer(14)), ParseState::malformed) << "forward";
    EXPECT_EQ(parse_name(dns_pointer(0)), ParseState::malformed) << "into the header";
    EXPECT_EQ(parse_name(dns_pointer(11)), ParseState::malformed) << "into the header";
    EXPECT_EQ(parse_name(dns_pointer(0x3FFF)), ParseState::malformed) << "past the end";
    EXPECT_EQ(parse_name(Bytes{1, 'a'} + dns_pointer(12)), ParseState::malformed) << "a loop";
    EXPECT_EQ(parse_name(Bytes{0xC0}), ParseState::malformed) << "half a pointer";
    EXPECT_EQ(parse_name(Bytes{0x40, 1, 'a', 0}), ParseState::malformed) << "type 01, RFC 2673";
    EXPECT_EQ(parse_name(Bytes{0x80, 1, 'a', 0}), ParseState::malformed) << "type 10";
}

TEST(Dns, PointerIntoItsOwnRunOfLabelsIsALoop) {
    // The target of the alias holds a label and a pointer to the middle of that very run.
    DnsMessage message(kDnsFlagsAnswer);
    message.question("a.example");
    const auto data = static_cast<std::uint16_t>(message.size() + 12);
    message.answer(dns_pointer(12), kDnsTypeCname, Bytes{1, 'x', 1, 'y'} + dns_pointer(data + 2));
    Facts facts;
    EXPECT_EQ(parse_dns(message.build(), facts), ParseState::malformed);
    EXPECT_EQ(facts.name_view(), "a.example") << "the question stands";
}

TEST(Dns, PointerHopsAreBounded) {
    // Each record's data is a label and a pointer to the one before; only the last record is an
    // alias.
    DnsMessage message(kDnsFlagsAnswer);
    message.question("z");
    std::uint16_t previous = 12;
    for (unsigned i = 0; i < kDnsPointerHopsMax; ++i) {
        const auto data = static_cast<std::uint16_t>(message.size() + 12);
        message.answer(dns_pointer(12), kTypeTxt, Bytes{1, 'a'} + dns_pointer(previous));
        previous = data;
    }
    Facts facts;
    DnsMessage within = message;
    within.answer(dns_pointer(12), kDnsTypeCname, Bytes{1, 'b'} + dns_pointer(previous - 16));
    message.answer(dns_pointer(12), kDnsTypeCname, Bytes{1, 'b'} + dns_pointer(previous));
    EXPECT_EQ(parse_dns(message.build(), facts), ParseState::malformed);
    EXPECT_EQ(parse_dns(within.build(), facts), ParseState::complete);
    const auto answers = answers_of(facts.dns);
    ASSERT_EQ(answers.size(), 1U);
    std::string text = "b.";
    for (unsigned i = 1; i < kDnsPointerHopsMax; ++i) {
        text += "a.";
    }
    EXPECT_EQ(answers[0].data, bytes_of(text + 'z'));
}

TEST(Dns, CompressedNameMayNotGrowPast255Octets) {
    const std::string label(63, 'l');
    DnsMessage message(kDnsFlagsAnswer);
    message.question(dns_labels({label, label, label}));
    message.answer(dns_pointer(12), kDnsTypeCname, dns_labels({label}));
    Facts facts;
    EXPECT_EQ(parse_dns(message.build(), facts), ParseState::complete);
    Bytes grown{63};
    grown = grown + bytes_of(label) + dns_pointer(12);
    DnsMessage bad(kDnsFlagsAnswer);
    bad.question(dns_labels({label, label, label}));
    bad.answer(dns_pointer(12), kDnsTypeCname, grown);
    EXPECT_EQ(parse_dns(bad.build(), facts), ParseState::malformed);
}

TEST(Dns, CountsThatLie) {
    Facts facts;
    const Bytes two = DnsMessage().question("a.example").question("b.example").build();
    EXPECT_EQ(parse_dns(two, facts), ParseState::malformed) << "RFC 9619";
    EXPECT_EQ(facts.name_view(), "a.example");
    EXPECT_EQ(facts.dns.question_end, 12 + 11 + 4);

    const Bytes many = DnsMessage().question("a.example").question_count(64259).build();
    EXPECT_EQ(parse_dns(many, facts), ParseState::malformed);
    EXPECT_EQ(facts.name_view(), "a.example");

    const Bytes answers = DnsMessage(kDnsFlagsAnswer)
                              .question("a.example")
                              .answer(dns_pointer(12), kDnsTypeA, {1, 2, 3, 4})
                              .answer_count(65535)
                              .build();
    EXPECT_EQ(parse_dns(answers, facts), ParseState::malformed);
    EXPECT_EQ(facts.dns.answer_count, 65535);
    EXPECT_EQ(answers_of(facts.dns).size(), 1U) << "what came before the lie is kept";

    EXPECT_EQ(parse_dns(DnsMessage().question_count(1).build(), facts), ParseState::malformed);
}

TEST(Dns, RecordsThatLie) {
    const auto parse_answer = [](std::uint16_t type, const Bytes& data) {
        Facts facts;
        const Bytes message = DnsMessage(kDnsFlagsAnswer)
                                  .question("a.example")
                                  .answer(dns_pointer(12), type, data)
                                  .build();
        return parse_dns(message, facts);
    };
    EXPECT_EQ(parse_answer(kDnsTypeA, Bytes(4, 1)), ParseState::complete);
    EXPECT_EQ(parse_answer(kDnsTypeA, Bytes(3, 1)), ParseState::malformed);
    EXPECT_EQ(parse_answer(kDnsTypeA, Bytes(16, 1)), ParseState::malformed);
    EXPECT_EQ(parse_answer(kDnsTypeAaaa, Bytes(4, 1)), ParseState::malformed);
    EXPECT_EQ(parse_answer(kDnsTypeCname, {}), ParseState::malformed);
    EXPECT_EQ(parse_answer(kDnsTypeCname, {1, 'a', 0, 0}), ParseState::malformed)
        << "more than a name";
    EXPECT_EQ(parse_answer(kDnsTypeCname, {5, 'a', 0}), ParseState::malformed) << "past the record";
}

TEST(Dns, ForgetsThePreviousMessage) {
    Facts facts;
    (void)parse_dns(
        DnsMessage(kDnsFlagsAnswer)
            .question("a.example")
            .answer(dns_pointer(12), kDnsTypeA, {1, 2, 3, 4})
            .build(),
        facts
    );
    ASSERT_NE(facts.dns.answers_size, 0);
    EXPECT_EQ(parse_dns(Bytes(5, 0), facts), ParseState::not_this_protocol);
    EXPECT_EQ(facts.protocol, AppProtocol::none);
    EXPECT_EQ(facts.name_source, NameSource::none);
    EXPECT_EQ(facts.name_size, 0);
    EXPECT_EQ(facts.dns.answers_size, 0);
    EXPECT_EQ(facts.dns.question_end, 0);
    EXPECT_FALSE(facts.dns.is_response);
}

}  // namespace
}  // namespace sallyport::classifier
