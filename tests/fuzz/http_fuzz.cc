// SPDX-License-Identifier: Apache-2.0
#include "classifier/http.h"
#include "tests/fuzz/facts_check.h"

#include <cstddef>
#include <cstdint>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sallyport;  // NOLINT(google-build-using-namespace)
    Facts facts;
    const ParseState state = classifier::parse_http_request({data, size}, facts);
    fuzz::require(state == facts.state);
    fuzz::check_name(facts);
    Facts again = fuzz::dirty_facts();
    (void)classifier::parse_http_request({data, size}, again);
    fuzz::require(fuzz::same(facts, again));

    // A name told early is the name told in the end: more bytes may cast doubt on it, not change
    // it.
    const std::vector<std::uint8_t> half(data, data + size / 2);
    Facts early;
    const ParseState early_state = classifier::parse_http_request(half, early);
    if (early_state == ParseState::incomplete && early.name_size != 0) {
        fuzz::require(early.name_view() == facts.name_view());
    }
    return 0;
}
