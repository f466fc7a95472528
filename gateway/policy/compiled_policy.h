// SPDX-License-Identifier: Apache-2.0
// Theory of operation
//
//   program   what applies to one class of workloads: its tiers in order, each a list of blocks and
//   what
//             happens at its end. Workloads that are selected by the same policies share one.
//   block     the rules of one policy, in order, less those whose source can never be this
//   workload. rule      criteria on the packet, cheapest first; lists of networks and names are
//   shared by index.
//
// A question walks tiers, blocks and rules until a rule allows or denies. Rules that ask for a name
// not seen yet may go either way: their actions are remembered as pending, the walk goes on as if
// they did not match, and the answer is `undecided` only if a pending action differs from where the
// walk ends.
#pragma once

#include "gateway/policy/address_set.h"
#include "gateway/policy/domain_set.h"
#include "gateway/policy/policy_objects.h"
#include "gateway/policy/policy_set.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace sallyport::policy {

class CompiledPolicySet final : public PolicySet {
public:
    static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

    /// Which groups of criteria a rule has, so that the walk skips what is not asked.
    static constexpr unsigned kIcmp = 1;
    static constexpr unsigned kPorts = 2;
    static constexpr unsigned kDestination = 4;
    static constexpr unsigned kSource = 8;
    static constexpr unsigned kSetsOrNames = 16;

    struct Rule {
        RuleAction action = RuleAction::allow;
        std::uint8_t criteria = 0;  ///< bits of the constants above, set by seal()
        std::uint8_t protocol = 0;
        std::uint8_t not_protocol = 0;
        IpFamily family = IpFamily::none;
        // ICMP criteria: -1 any, 0..255.
        std::int16_t icmp_type = -1;
        std::int16_t icmp_code = -1;
        std::int16_t not_icmp_type = -1;
        std::int16_t not_icmp_code = -1;
        // Ranges in `ports`, one kind after the other from `first_port`.
        std::uint32_t first_port = 0;
        std::array<std::uint8_t, 4>
            port_counts{};  ///< destination, not destination, source, not source
        // Indices into `address_sets` (kNone: no criterion).
        std::uint32_t nets = kNone;
        std::uint32_t not_nets = kNone;
        std::uint32_t set_nets = kNone;  ///< of selected network sets; met by `domains` as well
        std::uint32_t not_set_nets = kNone;
        std::uint32_t source_nets = kNone;
        std::uint32_t source_not_nets = kNone;
        std::uint32_t source_set_nets = kNone;
        std::uint32_t source_not_set_nets = kNone;
        std::uint32_t domains = kNone;  ///< index into `domain_sets`
        std::uint32_t name = kNoRule;   ///< index into rules()
        std::uint32_t index = 0;        ///< in its policy's list

        [[nodiscard]] bool is_for_another(std::uint8_t asked) const noexcept {
            return (protocol != 0 && protocol != asked) ||
                   (not_protocol != 0 && not_protocol == asked);
        }
        /// Computes `criteria` once all else is filled in.
        void seal() noexcept;
    };

    struct Block {
        std::uint32_t first_rule = 0;
        std::uint32_t rule_count = 0;
        std::uint32_t policy = 0;  ///< index into `policies`
    };

    struct TierStep {
        std::uint32_t first_block = 0;  ///< into `program_blocks`
        std::uint32_t block_count = 0;
        std::uint32_t end_rule = kNoRule;  ///< name of the default action
        bool pass_at_end = false;
    };

    struct Program {
        std::uint32_t first_tier = 0;
        std::uint32_t tier_count = 0;
    };

    /// What explain() says about policies; not read by workers.
    struct PolicyText {
        std::string name;
        std::string tier;
        std::vector<std::uint32_t> rule_names;  ///< by index in the list
        std::vector<RuleAction> actions;
    };

    // Filled by the compiler, constant from then on.
    std::vector<Rule> compiled_rules;
    std::vector<PortRange> ports;
    std::vector<AddressSet> address_sets;
    std::vector<DomainSet> domain_sets;
    std::vector<Block> blocks;
    std::vector<std::uint32_t> program_blocks;
    std::vector<TierStep> tier_steps;
    std::vector<Program> programs;
    std::vector<ProgramId> program_by_workload;
    std::vector<RuleNames> rule_names;
    std::vector<PolicyText> policies;

    [[nodiscard]] ProgramId program_of(WorkloadId workload) const noexcept override;
    [[nodiscard]] Decision evaluate(ProgramId program, const Question& question)
        const noexcept override;
    [[nodiscard]] const std::vector<RuleNames>& rules() const noexcept override {
        return rule_names;
    }
    [[nodiscard]] std::size_t policy_count() const noexcept override { return policies.size(); }
    [[nodiscard]] std::vector<TraceStep> explain(ProgramId program, const Question& question)
        const override;

private:
    enum class Match : std::uint8_t { no, yes, maybe };
    /// `why` is set to the first criterion that is not met.
    Match match(const Rule& rule, const Question& question, const char*& why) const noexcept;
    [[nodiscard]] static bool match_icmp(const Rule& rule, const Question& question) noexcept;
    [[nodiscard]] bool match_ports(const Rule& rule, const Question& question) const noexcept;
    [[nodiscard]] bool match_destination(const Rule& rule, const Question& question) const noexcept;
    Match match_name(const Rule& rule, const Question& question, const char*& why) const noexcept;
    [[nodiscard]] bool match_source(const Rule& rule, const Question& question) const noexcept;
    [[nodiscard]] bool in_set(std::uint32_t set, const IpAddress& address) const noexcept {
        return address_sets[set].contains(address);
    }
    struct Walk;
    bool explain_tier(Walk& walk, const TierStep& tier, const Question& question) const;
    [[nodiscard]] TraceStep step_of(const PolicyText& policy, std::uint32_t index) const;
};

}  // namespace sallyport::policy
