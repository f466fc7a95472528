// SPDX-License-Identifier: Apache-2.0
// The same walk as CompiledPolicySet::evaluate, told step by step for `sallyport why`.
#include "gateway/policy/compiled_policy.h"

namespace sallyport::policy {

struct CompiledPolicySet::Walk {
    std::vector<TraceStep> steps;
    std::size_t hits = 0;
    bool uncertain = false;  ///< a rule before this one may still match
    bool done = false;

    void hit(TraceStep step, const std::string& tail) {
        step.outcome = uncertain ? "matched, unless an earlier rule does" : "matched";
        step.trace = std::to_string(hits++) + '|' + step.tier + '|' + step.policy + '|' +
                     step.action + '|' + tail;
        steps.push_back(std::move(step));
    }
};

TraceStep CompiledPolicySet::step_of(const PolicyText& policy, std::uint32_t index) const {
    TraceStep step;
    step.tier = policy.tier;
    step.policy = "gnp:" + policy.name;
    step.rule = static_cast<int>(index);
    step.action = name_of(policy.actions[index]);
    step.place = rule_names[policy.rule_names[index]].place;
    return step;
}

/// True when evaluation goes on with the next tier.
bool CompiledPolicySet::explain_tier(Walk& walk, const TierStep& tier, const Question& question)
    const {
    for (std::uint32_t b = 0; b < tier.block_count; ++b) {
        const Block& block = blocks[program_blocks[tier.first_block + b]];
        const PolicyText& policy = policies[block.policy];
        const Rule* rule = compiled_rules.data() + block.first_rule;
        const Rule* const end = rule + block.rule_count;
        for (std::uint32_t i = 0; i < policy.actions.size(); ++i) {
            TraceStep step = step_of(policy, i);
            if (rule == end || rule->index != i) {
                step.outcome = "never matches: another source workload, or no such network set";
                walk.steps.push_back(std::move(step));
                continue;
            }
            const char* why = nullptr;
            const Match matched = match(*rule++, question, why);
            if (matched == Match::no) {
                step.outcome = why;
                walk.steps.push_back(std::move(step));
            } else if (matched == Match::maybe) {
                walk.uncertain = true;
                step.outcome = "undecided: the name is not known yet";
                walk.steps.push_back(std::move(step));
            } else if (policy.actions[i] == RuleAction::log) {
                step.outcome = "matched";  // Log leaves no hit in a trace.
                walk.steps.push_back(std::move(step));
            } else {
                walk.done = policy.actions[i] != RuleAction::pass;
                walk.hit(std::move(step), std::to_string(i));
                return !walk.done;
            }
        }
    }
    const PolicyText& first = policies[blocks[program_blocks[tier.first_block]].policy];
    TraceStep step;
    step.tier = first.tier;
    step.policy = "gnp:" + first.name;
    step.rule = -1;
    step.action = tier.pass_at_end ? "pass" : "deny";
    walk.done = !tier.pass_at_end;
    walk.hit(std::move(step), "-1");
    return tier.pass_at_end;
}

std::vector<TraceStep> CompiledPolicySet::explain(ProgramId program_id, const Question& question)
    const {
    const Program& program = programs[program_id < programs.size() ? program_id : 0];
    Walk walk;
    for (std::uint32_t t = 0; t < program.tier_count; ++t) {
        if (!explain_tier(walk, tier_steps[program.first_tier + t], question)) {
            return walk.steps;
        }
    }
    TraceStep profile;
    profile.tier = "__PROFILE__";
    profile.policy = "pro:kns";
    profile.action = "allow";
    walk.hit(std::move(profile), "0");
    return walk.steps;
}

}  // namespace sallyport::policy
