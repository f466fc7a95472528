// SPDX-License-Identifier: Apache-2.0
#include "classifier/dns.h"
#include "tests/fuzz/facts_check.h"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sallyport;  // NOLINT(google-build-using-namespace)
    Facts facts;
    const ParseState state = classifier::parse_dns({data, size}, facts);
    fuzz::require(state == facts.state && state != ParseState::incomplete);
    fuzz::check_name(facts);
    fuzz::check_answers(facts.dns);
    fuzz::require(facts.dns.question_end <= size);
    fuzz::require(state != ParseState::not_this_protocol || facts.protocol == AppProtocol::none);
    Facts again = fuzz::dirty_facts();
    (void)classifier::parse_dns({data, size}, again);
    fuzz::require(fuzz::same(facts, again));
    return 0;
}
