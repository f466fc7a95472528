// SPDX-License-Identifier: Apache-2.0
// Any text, read as policy objects, is refused with words or compiles to a set that answers
// questions.
#include "gateway/policy/compiler.h"
#include "gateway/policy/policy_check.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sallyport;
    policy::PolicyReading reading;
    policy::read_policy_text({reinterpret_cast<const char*>(data), size}, "fuzz", reading);
    policy::check_policies(reading.objects, reading.problems, reading.notes);
    for (const Problem& problem : reading.problems) {
        if (problem.message.empty()) {
            std::abort();
        }
    }
    if (!reading.problems.empty()) {
        return 0;
    }
    const auto set = policy::compile(reading.objects, WorkloadTable());
    if (!set) {
        return 0;
    }
    policy::Question question;
    for (const auto state :
         {policy::NameState::not_yet, policy::NameState::none, policy::NameState::known}) {
        for (const std::uint8_t protocol : std::array<std::uint8_t, 4>{1, 6, 17, 58}) {
            question.name_state = state;
            question.name = "www.example.com";
            question.protocol = protocol;
            question.port = 443;
            question.destination = IpAddress::v4(0xC0000201U);
            const auto decision = set.value()->evaluate(0, question);
            if (decision.verdict != Verdict::undecided && decision.rule != kNoRule &&
                decision.rule >= set.value()->rules().size()) {
                std::abort();
            }
            (void)set.value()->explain(0, question);
        }
    }
    return 0;
}
