// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/compiled_policy.h"

#include <initializer_list>

namespace sallyport::policy {
namespace {

constexpr unsigned kPendingAllow = 1;
constexpr unsigned kPendingDeny = 2;

constexpr unsigned pending_of(bool allow) {
    return allow ? kPendingAllow : kPendingDeny;
}

/// The answer of a walk that ends here, unless what is pending could still say otherwise.
Decision conclude(
    Verdict verdict, VerdictReason reason, std::uint32_t rule, bool log, unsigned pending
) {
    Decision out;
    if ((pending & ~pending_of(verdict == Verdict::allow)) != 0) {
        out.verdict = Verdict::undecided;
        out.reason = VerdictReason::none;
        return out;
    }
    out.verdict = verdict;
    out.reason = reason;
    out.rule = rule;
    out.log = log || verdict == Verdict::deny;
    return out;
}

}  // namespace

ProgramId CompiledPolicySet::program_of(WorkloadId workload) const noexcept {
    // A workload younger than this set is, to this set, unknown.
    return program_by_workload[workload < program_by_workload.size() ? workload : kUnknownWorkload];
}

bool CompiledPolicySet::match_ports(const Rule& rule, const Question& question) const noexcept {
    const PortRange* range = ports.data() + rule.first_port;
    for (std::size_t kind = 0; kind < rule.port_counts.size(); ++kind) {
        const std::uint8_t count = rule.port_counts[kind];
        if (count == 0) {
            continue;
        }
        const std::uint16_t port = kind < 2 ? question.port : question.source_port;
        bool inside = false;
        for (std::uint8_t i = 0; i < count; ++i) {
            inside = inside || (port >= range[i].first && port <= range[i].last);
        }
        const bool wanted = kind % 2 == 0;
        if (inside != wanted) {
            return false;
        }
        range += count;
    }
    return true;
}

bool CompiledPolicySet::match_source(const Rule& rule, const Question& question) const noexcept {
    if (question.source.family == IpFamily::none) {
        // Not told who asks: fail closed, that is a Deny rule matches and others do not.
        return rule.action == RuleAction::deny;
    }
    return (rule.source_nets == kNone || in_set(rule.source_nets, question.source)) &&
           (rule.source_not_nets == kNone || !in_set(rule.source_not_nets, question.source)) &&
           (rule.source_set_nets == kNone || in_set(rule.source_set_nets, question.source)) &&
           (rule.source_not_set_nets == kNone || !in_set(rule.source_not_set_nets, question.source)
           );
}

void CompiledPolicySet::Rule::seal() noexcept {
    const auto any = [](std::initializer_list<std::uint32_t> sets, unsigned group) {
        std::uint32_t all = kNone;
        for (const std::uint32_t set : sets) {
            all &= set;
        }
        return all == kNone ? 0U : group;
    };
    unsigned groups = any({nets, not_nets, not_set_nets}, kDestination);
    groups |= any({source_nets, source_not_nets, source_set_nets, source_not_set_nets}, kSource);
    groups |= any({set_nets, domains}, kSetsOrNames);
    groups |= icmp_type >= 0 || icmp_code >= 0 || not_icmp_type >= 0 ? kIcmp : 0U;
    groups |= port_counts == std::array<std::uint8_t, 4>{} ? 0U : kPorts;
    criteria = static_cast<std::uint8_t>(groups);
}

bool CompiledPolicySet::match_icmp(const Rule& rule, const Question& question) noexcept {
    return (rule.icmp_type < 0 || rule.icmp_type == question.icmp_type) &&
           (rule.icmp_code < 0 || rule.icmp_code == question.icmp_code) &&
           !(rule.not_icmp_type >= 0 && rule.not_icmp_type == question.icmp_type &&
             (rule.not_icmp_code < 0 || rule.not_icmp_code == question.icmp_code));
}

bool CompiledPolicySet::match_destination(const Rule& rule, const Question& question)
    const noexcept {
    return (rule.nets == kNone || in_set(rule.nets, question.destination)) &&
           (rule.not_nets == kNone || !in_set(rule.not_nets, question.destination)) &&
           (rule.not_set_nets == kNone || !in_set(rule.not_set_nets, question.destination));
}

CompiledPolicySet::Match CompiledPolicySet::match_name(
    const Rule& rule, const Question& question, const char*& why
) const noexcept {
    why = "in none of the selected network sets";
    if (rule.set_nets != kNone && in_set(rule.set_nets, question.destination)) {
        return Match::yes;
    }
    if (rule.domains == kNone) {
        return Match::no;
    }
    if (question.name_invalid) {
        // E9: what cannot be compared is not allowed by name, and is denied by name.
        why = "the name is not a valid one";
        return rule.action == RuleAction::deny ? Match::yes : Match::no;
    }
    why = "the name is not known yet";
    if (question.name_state == NameState::not_yet) {
        return Match::maybe;
    }
    why = "no name to compare";
    if (question.name_state == NameState::none) {
        return Match::no;
    }
    why = "another name";
    return domain_sets[rule.domains].matches(question.name) ? Match::yes : Match::no;
}

CompiledPolicySet::Match CompiledPolicySet::match(
    const Rule& rule, const Question& question, const char*& why
) const noexcept {
    why = "another protocol";
    if (rule.is_for_another(question.protocol)) {
        return Match::no;
    }
    why = "another IP version";
    if (rule.family != IpFamily::none && rule.family != question.destination.family) {
        return Match::no;
    }
    if (rule.criteria == 0) {
        return Match::yes;
    }
    why = "another port";
    if ((rule.criteria & kPorts) != 0 && !match_ports(rule, question)) {
        return Match::no;
    }
    why = "another ICMP type or code";
    if ((rule.criteria & kIcmp) != 0 && !match_icmp(rule, question)) {
        return Match::no;
    }
    why = "another destination network";
    if ((rule.criteria & kDestination) != 0 && !match_destination(rule, question)) {
        return Match::no;
    }
    why = "another source network";
    if ((rule.criteria & kSource) != 0 && !match_source(rule, question)) {
        return Match::no;
    }
    return (rule.criteria & kSetsOrNames) != 0 ? match_name(rule, question, why) : Match::yes;
}

Decision CompiledPolicySet::evaluate(ProgramId program_id, const Question& question)
    const noexcept {
    const Program& program = programs[program_id < programs.size() ? program_id : 0];
    unsigned pending = 0;
    bool log = false;
    const char* why = nullptr;
    for (std::uint32_t t = 0; t < program.tier_count; ++t) {
        const TierStep& tier = tier_steps[program.first_tier + t];
        bool passed = tier.pass_at_end;
        for (std::uint32_t b = 0; b < tier.block_count; ++b) {
            const Block& block = blocks[program_blocks[tier.first_block + b]];
            const Rule* rule = compiled_rules.data() + block.first_rule;
            const Rule* const end = rule + block.rule_count;
            for (; rule != end; ++rule) {
                // Asked here too: it turns away most rules, and here it costs no call.
                if (rule->is_for_another(question.protocol)) {
                    continue;
                }
                const Match matched = match(*rule, question, why);
                if (matched == Match::no) {
                    continue;
                }
                const bool allow = rule->action == RuleAction::allow;
                if (matched == Match::maybe) {
                    pending |= pending_of(allow);
                    continue;
                }
                if (rule->action == RuleAction::log) {
                    log = true;
                    continue;
                }
                if (rule->action == RuleAction::pass) {
                    passed = true;
                    b = tier.block_count;
                    break;
                }
                return conclude(
                    allow ? Verdict::allow : Verdict::deny,
                    allow ? VerdictReason::policy_allow : VerdictReason::policy_deny,
                    rule->name,
                    log,
                    pending
                );
            }
        }
        if (!passed) {
            return conclude(
                Verdict::deny, VerdictReason::policy_default_deny, tier.end_rule, log, pending
            );
        }
    }
    return conclude(Verdict::allow, VerdictReason::policy_default_allow, kNoRule, log, pending);
}

}  // namespace sallyport::policy
