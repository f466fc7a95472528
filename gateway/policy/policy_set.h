// SPDX-License-Identifier: Apache-2.0
// Compiled policy: immutable, read by workers without locks or allocation.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/model/address.h"
#include "gateway/model/event.h"
#include "gateway/model/event_dictionary.h"
#include "gateway/model/verdict.h"
#include "gateway/model/workload.h"

namespace sallyport::policy {

/// Rules that apply to one class of workloads (all that are selected by the same policies).
using ProgramId = std::uint32_t;

/// What is known about a destination's name when a flow is judged.
enum class NameState : std::uint8_t {
    not_yet,  ///< may still be seen: a rule with domains gives `undecided`
    none,     ///< there is no name to wait for: domain rules do not match
    known,
};

struct Question {
    IpAddress destination;
    std::uint16_t port = 0;     ///< destination port; 0 for ICMP
    std::uint8_t protocol = 0;  ///< IP protocol number
    std::uint8_t icmp_type = 0;
    std::uint8_t icmp_code = 0;
    NameState name_state = NameState::none;
    bool name_invalid = false;  ///< E9: no match for allow rules, a match for deny rules' wildcards
    std::string_view name;      ///< canonical, when known
};

struct Decision {
    Verdict verdict = Verdict::allow;
    VerdictReason reason = VerdictReason::policy_default_allow;
    std::uint32_t rule = kNoRule;  ///< index into PolicySet::rules()
    bool log = false;              ///< a Log rule or every deny: a policy-class event is due
};

class PolicySet {
  public:
    virtual ~PolicySet();
    PolicySet(const PolicySet&) = delete;
    PolicySet& operator=(const PolicySet&) = delete;

    /// Program of a workload of the table this set was compiled with; unknown and ambiguous included.
    [[nodiscard]] virtual ProgramId program_of(WorkloadId workload) const noexcept = 0;
    [[nodiscard]] virtual Decision evaluate(ProgramId program, const Question& question)
        const noexcept = 0;
    /// Names of rules by Decision::rule, for the dictionary and `why`.
    [[nodiscard]] virtual const std::vector<RuleNames>& rules() const noexcept = 0;
    [[nodiscard]] virtual std::size_t policy_count() const noexcept = 0;

  protected:
    PolicySet() = default;
};

}  // namespace sallyport::policy
