// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/compiler.h"

#include "gateway/policy/compiled_policy.h"
#include "gateway/policy/policy_check.h"
#include "gateway/policy/workload_labels.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace sallyport::policy {
namespace {

using Set = CompiledPolicySet;
using Class = WorkloadClasses::Class;

/// What the static part of a rule's source says about one class of workloads.
enum class SourceMatch : char { no = 'n', yes = 'y', by_address = 'a' };

struct OrderedPolicy {
    const GlobalNetworkPolicy* policy = nullptr;
    std::size_t tier = 0;  ///< position in order
    Selector selector;     ///< effective, of the spec
    bool for_all = false;  ///< also for workloads nobody knows
    bool by_source = false;
    std::uint32_t text = 0;  ///< index into CompiledPolicySet::policies
};

struct OrderedTier {
    std::string name;
    double order = 0;
    bool exists = false;
    bool pass_at_end = false;
};

Selector effective_policy_selector(const GlobalNetworkPolicy& policy) {
    if (!policy.namespace_selector) {
        return policy.selector;
    }
    RuleEntity entity;
    entity.selector = policy.selector;
    entity.namespace_selector = policy.namespace_selector;
    return effective_entity_selector(entity);
}

std::vector<OrderedTier> order_tiers(const PolicyObjects& objects) {
    std::vector<OrderedTier> tiers;
    const auto add = [&tiers](const std::string& name, double order, bool exists, bool pass) {
        const bool known = std::any_of(tiers.begin(), tiers.end(), [&](const OrderedTier& t) {
            return t.name == name;
        });
        if (!known) {
            tiers.push_back({name, order, exists, pass});
        }
    };
    for (const Tier& tier : objects.tiers) {
        add(tier.name, tier.order, true, tier.pass_at_end);
    }
    for (const Tier& tier : fixed_tiers()) {
        add(tier.name, tier.order, true, tier.pass_at_end);
    }
    for (const GlobalNetworkPolicy& policy : objects.policies) {
        add(policy.tier, 0, false, false);
    }
    std::sort(tiers.begin(), tiers.end(), [](const OrderedTier& a, const OrderedTier& b) {
        return std::make_tuple(!a.exists, a.order, std::cref(a.name)) <
               std::make_tuple(!b.exists, b.order, std::cref(b.name));
    });
    return tiers;
}

class Compiler {
public:
    Compiler(const PolicyObjects& objects, const WorkloadTable& table, const CompileLimits& limits)
        : objects_(objects),
          table_(table),
          limits_(limits),
          set_(std::make_shared<Set>()) {}

    Result<std::shared_ptr<const PolicySet>> run() {
        tiers_ = order_tiers(objects_);
        order_policies();
        for (OrderedPolicy& policy : policies_) {
            name_rules(policy);
        }
        const WorkloadClasses classes(table_, labels_used());
        std::vector<ProgramId> program_of_class;
        for (const Class& each : classes.classes()) {
            program_of_class.push_back(program_for(each));
            if (set_->compiled_rules.size() > limits_.rules_max ||
                set_->programs.size() > limits_.programs_max ||
                set_->program_blocks.size() > limits_.program_blocks_max) {
                return Error{
                    "the policies compile to too much: " +
                    std::to_string(set_->compiled_rules.size()) + " rules in " +
                    std::to_string(set_->programs.size()) + " combinations of policies, " +
                    std::to_string(set_->program_blocks.size()) + " policies in all of them"};
            }
        }
        for (const std::uint32_t each : classes.class_of()) {
            set_->program_by_workload.push_back(program_of_class[each]);
        }
        return std::shared_ptr<const PolicySet>(std::move(set_));
    }

private:
    void order_policies();
    void name_rules(OrderedPolicy& policy);
    [[nodiscard]] std::set<std::string> labels_used() const;
    ProgramId program_for(const Class& workload_class);
    std::uint32_t block_for(const OrderedPolicy& policy, const Class& workload_class);
    std::uint32_t end_rule(std::uint32_t block);
    bool add_rule(const EgressRule& rule, SourceMatch source, Set::Rule& out);
    bool add_destination(const EgressRule& rule, Set::Rule& out);
    void add_ports(const EgressRule& rule, Set::Rule& out);
    std::uint32_t add_addresses(const std::vector<IpPrefix>& nets);
    std::uint32_t set_addresses(const Selector& selector);
    std::uint32_t set_domains(const Selector& selector);
    [[nodiscard]] SourceMatch match_source(const EgressRule& rule, const Class& workload_class);

    const PolicyObjects& objects_;
    const WorkloadTable& table_;
    const CompileLimits& limits_;
    std::shared_ptr<Set> set_;
    std::vector<OrderedTier> tiers_;
    std::vector<OrderedPolicy> policies_;
    std::map<std::pair<std::uint32_t, std::string>, std::uint32_t> blocks_;
    std::map<std::uint32_t, std::uint32_t> end_rules_;  ///< by policy
    std::map<std::vector<std::uint32_t>, ProgramId> programs_;
    std::map<std::string, std::uint32_t> set_addresses_;
    std::map<std::string, std::uint32_t> set_domains_;
};

void Compiler::order_policies() {
    for (const GlobalNetworkPolicy& policy : objects_.policies) {
        if (!policy.egress) {
            continue;
        }
        OrderedPolicy entry;
        entry.policy = &policy;
        const auto tier = std::find_if(tiers_.begin(), tiers_.end(), [&](const OrderedTier& t) {
            return t.name == policy.tier;
        });
        entry.tier = static_cast<std::size_t>(tier - tiers_.begin());
        entry.selector = effective_policy_selector(policy);
        entry.for_all = policy.selector.is_all() && !policy.namespace_selector;
        entry.by_source =
            std::any_of(policy.rules.begin(), policy.rules.end(), [](const EgressRule& rule) {
                return rule.source.selects() || rule.source.not_selector;
            });
        policies_.push_back(std::move(entry));
    }
    // All of one kind and without namespace, so "name/namespace/kind" is the name here.
    std::sort(policies_.begin(), policies_.end(), [](const auto& a, const auto& b) {
        return std::tie(a.tier, a.policy->order, a.policy->name) <
               std::tie(b.tier, b.policy->order, b.policy->name);
    });
}

void Compiler::name_rules(OrderedPolicy& ordered) {
    const GlobalNetworkPolicy& policy = *ordered.policy;
    ordered.text = static_cast<std::uint32_t>(set_->policies.size());
    Set::PolicyText text;
    text.name = policy.name;
    text.tier = policy.tier;
    for (std::size_t i = 0; i < policy.rules.size(); ++i) {
        const EgressRule& rule = policy.rules[i];
        const std::string index = std::to_string(i);
        RuleNames names;
        names.id = policy.name + '/' + index;
        names.name = rule.name.empty() ? policy.name + '[' + index + ']' : rule.name;
        names.policy = policy.name;
        names.tier = policy.tier;
        // An event records the deciding hit alone, and a trace counts its hits from 0.
        names.trace = "0|" + policy.tier + "|gnp:" + policy.name + '|' +
                      std::string(name_of(rule.action)) + '|' + index;
        names.place = rule.place.text();
        text.rule_names.push_back(static_cast<std::uint32_t>(set_->rule_names.size()));
        text.actions.push_back(rule.action);
        set_->rule_names.push_back(std::move(names));
    }
    set_->policies.push_back(std::move(text));
}

std::set<std::string> Compiler::labels_used() const {
    std::set<std::string> labels;
    for (const OrderedPolicy& ordered : policies_) {
        ordered.selector.collect_labels(labels);
        for (const EgressRule& rule : ordered.policy->rules) {
            effective_entity_selector(rule.source).collect_labels(labels);
            if (rule.source.not_selector) {
                rule.source.not_selector->collect_labels(labels);
            }
        }
    }
    return labels;
}

ProgramId Compiler::program_for(const Class& workload_class) {
    // The key: (tier, its end, its blocks) again and again. Equal keys are equal programs.
    std::vector<std::uint32_t> key;
    std::vector<std::pair<std::size_t, std::vector<std::uint32_t>>> steps;
    for (const OrderedPolicy& policy : policies_) {
        const bool applies = workload_class.kind == Workload::Kind::none
                                 ? policy.for_all
                                 : policy.selector.matches(workload_class.labels);
        if (!applies) {
            continue;
        }
        if (steps.empty() || steps.back().first != policy.tier) {
            steps.push_back({policy.tier, {}});
        }
        steps.back().second.push_back(block_for(policy, workload_class));
    }
    for (const auto& step : steps) {
        key.push_back(Set::kNone);
        key.insert(key.end(), step.second.begin(), step.second.end());
    }
    const auto [entry, fresh] =
        programs_.emplace(std::move(key), static_cast<ProgramId>(set_->programs.size()));
    if (!fresh) {
        return entry->second;
    }
    Set::Program program;
    program.first_tier = static_cast<std::uint32_t>(set_->tier_steps.size());
    program.tier_count = static_cast<std::uint32_t>(steps.size());
    for (const auto& step : steps) {
        Set::TierStep tier;
        tier.first_block = static_cast<std::uint32_t>(set_->program_blocks.size());
        tier.block_count = static_cast<std::uint32_t>(step.second.size());
        tier.pass_at_end = tiers_[step.first].pass_at_end;
        tier.end_rule = end_rule(step.second.front());
        set_->program_blocks.insert(
            set_->program_blocks.end(), step.second.begin(), step.second.end()
        );
        set_->tier_steps.push_back(tier);
    }
    set_->programs.push_back(program);
    return entry->second;
}

/// The default action is told by the first policy of the tier that selects the workload (rule index
/// -1).
std::uint32_t Compiler::end_rule(std::uint32_t block) {
    const std::uint32_t policy = set_->blocks[block].policy;
    const auto [entry, fresh] =
        end_rules_.emplace(policy, static_cast<std::uint32_t>(set_->rule_names.size()));
    if (fresh) {
        const Set::PolicyText& text = set_->policies[policy];
        const auto tier = std::find_if(tiers_.begin(), tiers_.end(), [&](const OrderedTier& t) {
            return t.name == text.tier;
        });
        RuleNames names;
        names.id = text.name + "/-1";
        names.name = "end of tier " + text.tier;
        names.policy = text.name;
        names.tier = text.tier;
        names.trace =
            "0|" + text.tier + "|gnp:" + text.name + (tier->pass_at_end ? "|pass|-1" : "|deny|-1");
        for (const OrderedPolicy& ordered : policies_) {
            if (ordered.text == policy) {
                names.place = ordered.policy->place.text();
            }
        }
        set_->rule_names.push_back(std::move(names));
    }
    return entry->second;
}

SourceMatch Compiler::match_source(const EgressRule& rule, const Class& workload_class) {
    const RuleEntity& source = rule.source;
    const bool is_known = workload_class.kind != Workload::Kind::none;
    if (source.not_selector && is_known && source.not_selector->matches(workload_class.labels)) {
        return SourceMatch::no;
    }
    if (!source.selects()) {
        return SourceMatch::yes;
    }
    const Selector selector = effective_entity_selector(source);
    if (is_known && selector.matches(workload_class.labels)) {
        return SourceMatch::yes;
    }
    // Not the workload itself, but a network set that holds its address will do.
    return set_addresses(selector) == Set::kNone ? SourceMatch::no : SourceMatch::by_address;
}

std::uint32_t Compiler::block_for(const OrderedPolicy& ordered, const Class& workload_class) {
    std::string variant;
    if (ordered.by_source) {
        for (const EgressRule& rule : ordered.policy->rules) {
            variant += static_cast<char>(match_source(rule, workload_class));
        }
    }
    const auto [entry, fresh] = blocks_.emplace(
        std::make_pair(ordered.text, variant), static_cast<std::uint32_t>(set_->blocks.size())
    );
    if (!fresh) {
        return entry->second;
    }
    Set::Block block;
    block.first_rule = static_cast<std::uint32_t>(set_->compiled_rules.size());
    block.policy = ordered.text;
    for (std::size_t i = 0; i < ordered.policy->rules.size(); ++i) {
        Set::Rule rule;
        const auto source =
            variant.empty() ? SourceMatch::yes : static_cast<SourceMatch>(variant[i]);
        if (add_rule(ordered.policy->rules[i], source, rule)) {
            rule.index = static_cast<std::uint32_t>(i);
            rule.name = set_->policies[ordered.text].rule_names[i];
            rule.seal();
            set_->compiled_rules.push_back(rule);
            ++block.rule_count;
        }
    }
    set_->blocks.push_back(block);
    return entry->second;
}

/// False when the rule can match nothing here.
bool Compiler::add_rule(const EgressRule& rule, SourceMatch source, Set::Rule& out) {
    if (source == SourceMatch::no ||
        (rule.destination.has_ports && rule.destination.ports.empty())) {
        return false;
    }
    out.action = rule.action;
    out.protocol = rule.protocol;
    out.not_protocol = rule.not_protocol;
    out.family = rule.family;
    const auto value = [](const std::optional<std::uint8_t>& v) {
        return static_cast<std::int16_t>(v ? *v : -1);
    };
    if (rule.icmp) {
        out.icmp_type = value(rule.icmp->type);
        out.icmp_code = value(rule.icmp->code);
    }
    if (rule.not_icmp) {
        out.not_icmp_type = value(rule.not_icmp->type);
        out.not_icmp_code = value(rule.not_icmp->code);
    }
    if (source == SourceMatch::by_address) {
        out.source_set_nets = set_addresses(effective_entity_selector(rule.source));
    }
    if (rule.source.not_selector) {
        out.source_not_set_nets = set_addresses(*rule.source.not_selector);
    }
    out.source_nets = add_addresses(rule.source.nets);
    out.source_not_nets = add_addresses(rule.source.not_nets);
    add_ports(rule, out);
    return add_destination(rule, out);
}

bool Compiler::add_destination(const EgressRule& rule, Set::Rule& out) {
    const RuleEntity& to = rule.destination;
    out.nets = add_addresses(to.nets);
    out.not_nets = add_addresses(to.not_nets);
    if (to.not_selector) {
        out.not_set_nets = set_addresses(*to.not_selector);
    }
    if (!to.domains.empty()) {
        out.domains = static_cast<std::uint32_t>(set_->domain_sets.size());
        set_->domain_sets.emplace_back(to.domains);
    }
    if (!to.selects()) {
        return true;
    }
    const Selector selector = effective_entity_selector(to);
    out.set_nets = set_addresses(selector);
    // Names of a set count where a name can decide, in Allow and Deny.
    if (rule.action == RuleAction::allow || rule.action == RuleAction::deny) {
        out.domains = set_domains(selector);
    }
    return out.set_nets != Set::kNone || out.domains != Set::kNone;
}

void Compiler::add_ports(const EgressRule& rule, Set::Rule& out) {
    out.first_port = static_cast<std::uint32_t>(set_->ports.size());
    const std::array<const std::vector<PortRange>*, 4> kinds{
        &rule.destination.ports,
        &rule.destination.not_ports,
        &rule.source.ports,
        &rule.source.not_ports};
    static_assert(kPortsMax <= 255, "counts are bytes");
    for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
        out.port_counts[kind] = static_cast<std::uint8_t>(kinds[kind]->size());
        set_->ports.insert(set_->ports.end(), kinds[kind]->begin(), kinds[kind]->end());
    }
}

std::uint32_t Compiler::add_addresses(const std::vector<IpPrefix>& nets) {
    if (nets.empty()) {
        return Set::kNone;
    }
    set_->address_sets.emplace_back(nets);
    return static_cast<std::uint32_t>(set_->address_sets.size() - 1);
}

/// Addresses of all network sets that `selector` matches; kNone when there are none.
std::uint32_t Compiler::set_addresses(const Selector& selector) {
    const auto [entry, fresh] = set_addresses_.emplace(selector.text(), Set::kNone);
    if (fresh) {
        std::vector<IpPrefix> nets;
        for (const GlobalNetworkSet& set : objects_.sets) {
            if (selector.matches(set.labels)) {
                nets.insert(nets.end(), set.nets.begin(), set.nets.end());
            }
        }
        entry->second = add_addresses(nets);
    }
    return entry->second;
}

std::uint32_t Compiler::set_domains(const Selector& selector) {
    const auto [entry, fresh] = set_domains_.emplace(selector.text(), Set::kNone);
    if (fresh) {
        std::vector<std::string> domains;
        for (const GlobalNetworkSet& set : objects_.sets) {
            if (selector.matches(set.labels)) {
                domains.insert(domains.end(), set.domains.begin(), set.domains.end());
            }
        }
        if (!domains.empty()) {
            entry->second = static_cast<std::uint32_t>(set_->domain_sets.size());
            set_->domain_sets.emplace_back(domains);
        }
    }
    return entry->second;
}

}  // namespace

Result<std::shared_ptr<const PolicySet>> compile(
    const PolicyObjects& objects, const WorkloadTable& table, const CompileLimits& limits
) {
    return Compiler(objects, table, limits).run();
}

}  // namespace sallyport::policy
