// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/policy_check.h"

#include <algorithm>
#include <map>
#include <utility>

namespace sallyport::policy {
namespace {

constexpr std::string_view kNamespaceLabel = "projectcalico.org/namespace";

template <class Object>
void check_unique(const std::vector<Object>& objects, std::string_view kind, Problems& problems) {
    std::map<std::string_view, const Object*> seen;
    for (const Object& object : objects) {
        const auto [first, fresh] = seen.emplace(object.name, &object);
        if (!fresh && !object.name.empty()) {
            problems.push_back(object.place.problem(
                std::string(kind) + ' ' + object.name + " is also in " + first->second->place.text()
            ));
        }
    }
}

void check_fixed_tiers(const std::vector<Tier>& tiers, Problems& problems) {
    for (const Tier& tier : tiers) {
        for (const Tier& fixed : fixed_tiers()) {
            if (tier.name == fixed.name &&
                (tier.order != fixed.order || tier.pass_at_end != fixed.pass_at_end)) {
                problems.push_back(tier.place.problem(
                    "Tier " + tier.name + " is fixed by Calico: order " +
                    std::to_string(static_cast<long>(fixed.order)) + ", defaultAction " +
                    (fixed.pass_at_end ? "Pass" : "Deny")
                ));
            }
        }
    }
}

void check_tiers_exist(const PolicyObjects& objects, Problems& notes) {
    const auto named = [](const std::vector<Tier>& tiers, const std::string& name) {
        return std::any_of(tiers.begin(), tiers.end(), [&](const Tier& t) {
            return t.name == name;
        });
    };
    for (const GlobalNetworkPolicy& policy : objects.policies) {
        if (!named(objects.tiers, policy.tier) && !named(fixed_tiers(), policy.tier)) {
            notes.push_back(policy.place.problem(
                "GlobalNetworkPolicy " + policy.name + ": tier " + policy.tier +
                " has no Tier object; it comes after all others and denies at its end"
            ));
        }
    }
}

void note_dead_rules(const PolicyObjects& objects, Problems& notes) {
    for (const GlobalNetworkPolicy& policy : objects.policies) {
        std::size_t index = 0;
        for (const EgressRule& rule : policy.rules) {
            const std::string name =
                "GlobalNetworkPolicy " + policy.name + ", egress[" + std::to_string(index++) + ']';
            if (!policy.egress || !rule.destination.selects()) {
                continue;
            }
            const Selector selector = effective_entity_selector(rule.destination);
            const bool any = std::any_of(
                objects.sets.begin(),
                objects.sets.end(),
                [&](const GlobalNetworkSet& set) { return selector.matches(set.labels); }
            );
            if (!any) {
                notes.push_back(rule.place.problem(
                    name + ": never matches at an egress gateway: destination " + selector.text() +
                    " is no GlobalNetworkSet"
                ));
            }
        }
    }
}

}  // namespace

const std::vector<Tier>& fixed_tiers() {
    static const std::vector<Tier> kTiers{
        {"kube-admin", 1'000, true, {}},
        {"default", 1'000'000, false, {}},
        {"kube-baseline", 10'000'000, true, {}}};
    return kTiers;
}

Selector effective_entity_selector(const RuleEntity& entity) {
    Selector out;
    if (entity.namespace_selector) {
        const Selector& selector = *entity.namespace_selector;
        out = selector.is_global() ? Selector::negated(Selector::has(kNamespaceLabel))
              : selector.is_all()  ? Selector::has(kNamespaceLabel)
                                   : selector.with_label_prefix("pcns.");
    }
    if (entity.selector) {
        out = Selector::both(std::move(out), *entity.selector);
    }
    if (!entity.service_accounts.empty()) {
        out = Selector::both(
            std::move(out),
            Selector::in("projectcalico.org/serviceaccount", entity.service_accounts)
        );
    }
    return out;
}

void check_policies(const PolicyObjects& objects, Problems& problems, Problems& notes) {
    check_unique(objects.tiers, "Tier", problems);
    check_unique(objects.policies, "GlobalNetworkPolicy", problems);
    check_unique(objects.sets, "GlobalNetworkSet", problems);
    check_fixed_tiers(objects.tiers, problems);
    check_tiers_exist(objects, notes);
    note_dead_rules(objects, notes);
}

}  // namespace sallyport::policy
