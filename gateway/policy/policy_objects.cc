// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/policy_objects.h"

#include "gateway/identity/object_text.h"
#include "gateway/policy/domain_set.h"
#include "gateway/policy/field_reader.h"
#include "gateway/policy/policy_check.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sallyport::policy {
namespace {

using Node = FieldReader::Node;
using identity::ListedObject;

constexpr std::string_view kCalico = "projectcalico.org/v3";

/// Objects that mean something to Calico or Kubernetes policy, but not yet to this version.
constexpr std::array<std::string_view, 12> kUnsupportedKinds{
    "NetworkPolicy",
    "NetworkSet",
    "ClusterNetworkPolicy",
    "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy",
    "StagedNetworkPolicy",
    "StagedGlobalNetworkPolicy",
    "StagedKubernetesNetworkPolicy",
    "GlobalThreatFeed",
    "EgressGatewayPolicy",
    "ExternalNetwork",
    "EgressGateway"};

class PolicyReader {
public:
    PolicyReader(const std::string& path, PolicyReading& out) : path_(path), out_(out) {}

    void take(const ListedObject& object) {
        FieldReader reader(path_, object.where, out_);
        const bool is_calico = object.api_version == kCalico;
        if (!object.node.is_map() || object.kind.empty()) {
            reader.problem(object.node, "kind", "expected an object with apiVersion and kind");
        } else if (is_calico && object.kind == "GlobalNetworkPolicy") {
            take_policy(reader, object.node);
        } else if (is_calico && object.kind == "GlobalNetworkSet") {
            take_set(reader, object.node);
        } else if (is_calico && object.kind == "Tier") {
            take_tier(reader, object.node);
        } else {
            const bool known =
                std::find(kUnsupportedKinds.begin(), kUnsupportedKinds.end(), object.kind) !=
                kUnsupportedKinds.end();
            reader.problem(
                object.node,
                "kind",
                std::string(object.kind.substr(0, 100)) + " (" +
                    std::string(object.api_version.substr(0, 100)) + ')' +
                    (known ? " is not supported by this version"
                           : " is not a policy object: expected GlobalNetworkPolicy, "
                             "GlobalNetworkSet or Tier of projectcalico.org/v3")
            );
        }
    }

private:
    std::string name_of_object(FieldReader& reader, const Node& object) {
        reader.check_keys(object, "", {"apiVersion", "kind", "metadata", "spec", "status"});
        const Node metadata = object["metadata"];
        const std::string_view name = reader.text(metadata, "name", "metadata");
        if (name.empty()) {
            reader.problem(
                metadata.exists() ? metadata : object, "metadata.name", "expected a name"
            );
        }
        return std::string(name.substr(0, 253));
    }

    void take_tier(FieldReader& reader, const Node& object) {
        Tier tier;
        tier.place = reader.place(object);
        tier.name = name_of_object(reader, object);
        if (!tier.name.empty() && !is_dns_label(tier.name)) {
            reader.problem(object["metadata"]["name"], "metadata.name", "expected a DNS label");
        }
        const Node spec = object["spec"];
        reader.is_map(spec, "spec");
        reader.check_keys(spec, "spec", {"order", "defaultAction"});
        tier.order = reader.order(spec);
        const std::string_view action = reader.text(spec, "defaultAction", "spec");
        if (!action.empty() && action != "Deny" && action != "Pass") {
            reader.problem(spec["defaultAction"], "spec.defaultAction", "expected Deny or Pass");
        }
        tier.pass_at_end = action == "Pass";
        out_.objects.tiers.push_back(std::move(tier));
    }

    void take_set(FieldReader& reader, const Node& object) {
        GlobalNetworkSet set;
        set.place = reader.place(object);
        set.name = name_of_object(reader, object);
        if (!set.name.empty() && !is_dns_subdomain(set.name)) {
            reader.problem(object["metadata"]["name"], "metadata.name", "expected a DNS subdomain");
        }
        for (const Node label : object["metadata"]["labels"]) {
            if (!label.is_string() || label.key() == "projectcalico.org/namespace") {
                reader.problem(
                    label,
                    "metadata.labels." + std::string(label.key().substr(0, 100)),
                    label.is_string() ? "this label is Calico's own" : "expected a string"
                );
                continue;
            }
            set.labels.emplace(label.key(), label.text());
        }
        const Node spec = object["spec"];
        reader.is_map(spec, "spec");
        reader.check_keys(spec, "spec", {"nets", "allowedEgressDomains"});
        read_set_nets(reader, spec["nets"], set);
        read_set_domains(reader, spec["allowedEgressDomains"], set);
        out_.objects.sets.push_back(std::move(set));
    }

    static bool fits(FieldReader& reader, const Node& list, const std::string& field) {
        if (!reader.is_list(list, field)) {
            return false;
        }
        if (list.size() > kSetEntriesMax) {
            reader.problem(
                list,
                field,
                "more than " + std::to_string(kSetEntriesMax) + " entries: make it a feed"
            );
            return false;
        }
        return true;
    }

    static void read_set_nets(FieldReader& reader, const Node& list, GlobalNetworkSet& set) {
        if (!fits(reader, list, "spec.nets")) {
            return;
        }
        std::size_t index = 0;
        for (const Node entry : list) {
            const std::string at = indexed("spec.nets", index++);
            if (const auto prefix = IpPrefix::parse(entry.text())) {
                set.nets.push_back(prefix->canonical());
            } else {
                // As Calico does: one bad entry of a set does not take the others down.
                reader.note(
                    entry,
                    at,
                    '"' + std::string(entry.text().substr(0, 100)) +
                        "\" is neither an address nor a network and is skipped"
                );
            }
        }
    }

    static void read_set_domains(FieldReader& reader, const Node& list, GlobalNetworkSet& set) {
        if (!fits(reader, list, "spec.allowedEgressDomains")) {
            return;
        }
        std::size_t index = 0;
        for (const Node entry : list) {
            const std::string at = indexed("spec.allowedEgressDomains", index++);
            Result<std::string> pattern = parse_domain_pattern(entry.text());
            if (pattern) {
                set.domains.push_back(std::move(pattern).value());
            } else {
                reader.problem(entry, at, pattern.error().message);
            }
        }
    }

    void take_policy(FieldReader& reader, const Node& object) {
        GlobalNetworkPolicy policy;
        policy.place = reader.place(object);
        policy.name = name_of_object(reader, object);
        const auto dot = policy.name.find('.');
        if (!policy.name.empty() &&
            (!is_dns_label(std::string_view(policy.name).substr(0, dot)) ||
             (dot != std::string::npos &&
              !is_dns_label(std::string_view(policy.name).substr(dot + 1))))) {
            reader.problem(
                object["metadata"]["name"], "metadata.name", "expected \"name\" or \"tier.name\""
            );
        }
        const Node spec = object["spec"];
        reader.is_map(spec, "spec");
        reader.check_keys(
            spec,
            "spec",
            {"tier",
             "order",
             "selector",
             "namespaceSelector",
             "types",
             "ingress",
             "egress",
             "performanceHints"},
            {"serviceAccountSelector", "applyOnForward", "doNotTrack", "preDNAT"}
        );
        if (const auto tier = reader.text(spec, "tier", "spec"); !tier.empty()) {
            policy.tier = tier;
        }
        policy.order = reader.order(spec);
        policy.selector = reader.selector(spec, "selector", "spec").value_or(Selector::all());
        policy.namespace_selector = reader.selector(spec, "namespaceSelector", "spec");
        if (policy.selector.mentions_global() ||
            (policy.namespace_selector && policy.namespace_selector->mentions_global())) {
            reader.problem(spec, "spec", "global() is only for a rule's namespaceSelector");
        }
        read_types(reader, spec, policy);
        read_rules(reader, spec["egress"], policy);
        out_.objects.policies.push_back(std::move(policy));
    }

    static void read_types(FieldReader& reader, const Node& spec, GlobalNetworkPolicy& policy) {
        const bool has_egress = spec["egress"].begin() != spec["egress"].end();
        const bool has_ingress = spec["ingress"].begin() != spec["ingress"].end();
        const Node types = spec["types"];
        reader.is_list(types, "spec.types");
        bool ingress = false;
        for (const Node type : types) {
            bool& flag = type.text() == "Egress" ? policy.egress : ingress;
            if ((type.text() != "Egress" && type.text() != "Ingress") || flag) {
                reader.problem(
                    type, "spec.types", "expected Ingress and Egress, each at most once"
                );
            }
            flag = true;
        }
        if (!types.given() || types.begin() == types.end()) {
            policy.egress = has_egress;  // Section 5, point 7: without any rule it is Ingress.
            ingress = has_ingress || !has_egress;
        }
        if (ingress && !policy.egress) {
            reader.note(
                spec, "spec", "has no egress part, so it does nothing at an egress gateway"
            );
        } else if (has_ingress) {
            reader.note(spec["ingress"], "spec.ingress", "is not applied by an egress gateway");
        }
        if (has_egress && !policy.egress) {
            reader.note(spec["egress"], "spec.egress", "is not applied: types has no Egress");
        }
    }

    static void read_rules(FieldReader& reader, const Node& list, GlobalNetworkPolicy& policy) {
        if (!reader.is_list(list, "spec.egress")) {
            return;
        }
        if (list.size() > kRulesMax) {
            reader.problem(
                list, "spec.egress", "more than " + std::to_string(kRulesMax) + " rules"
            );
            return;
        }
        std::size_t index = 0;
        for (const Node rule : list) {
            policy.rules.push_back(read_egress_rule(reader, rule, indexed("spec.egress", index++)));
        }
    }

    const std::string& path_;
    PolicyReading& out_;
};

}  // namespace

std::string_view name_of(RuleAction action) noexcept {
    constexpr std::array<std::string_view, 4> kNames{"allow", "deny", "log", "pass"};
    return kNames[static_cast<std::size_t>(action) % kNames.size()];
}

void read_policy_text(std::string_view text, const std::string& path, PolicyReading& out) {
    PolicyReader reader(path, out);
    identity::read_object_text(
        text, path, [&reader](const ListedObject& object) { reader.take(object); }, out.problems
    );
}

PolicyReading read_policies(const std::vector<std::string>& paths) {
    PolicyReading out;
    std::string path;
    // The reader keeps a reference to `path`, which follows the file being read.
    PolicyReader reader(path, out);
    out.file_count = identity::read_object_paths(
        paths,
        [&reader](const ListedObject& object) { reader.take(object); },
        [&path](const std::string& file) { path = file; },
        out.problems
    );
    check_policies(out.objects, out.problems, out.notes);
    return out;
}

}  // namespace sallyport::policy
