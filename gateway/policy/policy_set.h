// SPDX-License-Identifier: Apache-2.0
// Compiled policy: immutable, read by workers without locks or allocation.
#pragma once

#include "gateway/model/address.h"
#include "gateway/model/event.h"
#include "gateway/model/event_dictionary.h"
#include "gateway/model/verdict.h"
#include "gateway/model/workload.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::policy {

/// Rules that apply to one class of workloads (all that are selected by the same policies).
using ProgramId = std::uint32_t;

/// One line of an explanation, in the order of evaluation.
struct TraceStep {
    std::string tier;     ///< "__PROFILE__" for what follows the last tier
    std::string policy;   ///< "gnp:<name>" or "pro:kns.<namespace>"
    int rule = 0;         ///< index in the policy's list; -1: the tier's default action
    std::string action;   ///< allow, deny, log, pass
    std::string outcome;  ///< "matched", "undecided", or why it did not match
    std::string place;    ///< file:line of the rule
    std::string trace;    ///< calico.md 9.2, only for hits
};

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
    bool name_invalid =
        false;              ///< E9: no match for allow rules, a match for deny rules with domains
    std::string_view name;  ///< canonical, when known
    /// The workload's side of the flow, for rules with `source.nets` and `source.ports`. Left
    /// empty, such rules fail closed: Allow and Pass do not match, Deny does.
    IpAddress source;
    std::uint16_t source_port = 0;
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

    /// Program of a workload of the table this set was compiled with; unknown and ambiguous
    /// included.
    [[nodiscard]] virtual ProgramId program_of(WorkloadId workload) const noexcept = 0;
    [[nodiscard]] virtual Decision evaluate(ProgramId program, const Question& question)
        const noexcept = 0;
    /// Names of rules by Decision::rule, for the dictionary and `why`.
    [[nodiscard]] virtual const std::vector<RuleNames>& rules() const noexcept = 0;
    [[nodiscard]] virtual std::size_t policy_count() const noexcept = 0;
    /// The same evaluation told step by step. Control side only (allocates). Sets that keep no
    /// account of themselves return nothing.
    [[nodiscard]] virtual std::vector<TraceStep> explain(
        ProgramId program, const Question& question
    ) const;

protected:
    PolicySet() = default;
};

}  // namespace sallyport::policy
