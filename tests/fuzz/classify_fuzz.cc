// SPDX-License-Identifier: Apache-2.0
// The first four bytes are the ports, the rest the payload.
#include "classifier/byte_cursor.h"
#include "classifier/classify.h"
#include "tests/fuzz/facts_check.h"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sallyport;  // NOLINT(google-build-using-namespace)
    classifier::ByteCursor cursor({data, size});
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    if (!cursor.read_u16(source_port) || !cursor.read_u16(destination_port)) {
        return 0;
    }
    Facts facts;
    Facts again = fuzz::dirty_facts();
    classifier::classify_tcp(cursor.rest(), destination_port, facts);
    classifier::classify_tcp(cursor.rest(), destination_port, again);
    fuzz::require(fuzz::same(facts, again));
    fuzz::check_name(facts);
    fuzz::check_answers(facts.dns);

    Facts udp;
    again = fuzz::dirty_facts();
    classifier::classify_udp(cursor.rest(), source_port, destination_port, udp);
    classifier::classify_udp(cursor.rest(), source_port, destination_port, again);
    fuzz::require(fuzz::same(udp, again));
    fuzz::check_name(udp);
    fuzz::check_answers(udp.dns);
    fuzz::require(udp.state != ParseState::incomplete);
    return 0;
}
