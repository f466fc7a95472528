// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/workload_labels.h"

#include <string_view>
#include <unordered_map>
#include <utility>

namespace sallyport::policy {
namespace {

/// Calico leaves the label out when the name does not fit a label value.
constexpr std::size_t kServiceAccountBytesMax = 62;
constexpr std::string_view kNamespacePrefix = "pcns.";

}  // namespace

const std::string* label_of(const Workload& workload, const std::string& label) {
    static const std::string kOrchestrator = "k8s";
    const auto own = workload.labels.find(label);
    if (own != workload.labels.end()) {
        return &own->second;
    }
    if (workload.kind != Workload::Kind::pod) {
        return nullptr;
    }
    if (label == "projectcalico.org/namespace") {
        return &workload.namespace_name;
    }
    if (label == "projectcalico.org/orchestrator") {
        return &kOrchestrator;
    }
    if (label == "projectcalico.org/serviceaccount") {
        const std::string& name = workload.service_account;
        return name.empty() || name.size() > kServiceAccountBytesMax ? nullptr : &name;
    }
    if (!std::string_view(label).starts_with(kNamespacePrefix)) {
        return nullptr;
    }
    const std::string inherited = label.substr(kNamespacePrefix.size());
    const auto found = workload.namespace_labels.find(inherited);
    if (found != workload.namespace_labels.end()) {
        return &found->second;
    }
    return inherited == "projectcalico.org/name" ? &workload.namespace_name : nullptr;
}

WorkloadClasses::WorkloadClasses(const WorkloadTable& table, const std::set<std::string>& labels) {
    std::unordered_map<std::string, std::uint32_t> known;
    class_of_.reserve(table.size());
    std::string signature;
    for (const Workload& workload : table.workloads()) {
        signature.assign(1, static_cast<char>(workload.kind));
        for (const std::string& label : labels) {
            // Length before value: no two different sets of values give the same signature.
            const std::string* value = label_of(workload, label);
            signature += value == nullptr ? "-" : std::to_string(value->size()) + ':' + *value;
        }
        const auto [entry, fresh] =
            known.emplace(signature, static_cast<std::uint32_t>(classes_.size()));
        if (fresh) {
            Class made;
            made.kind = workload.kind;
            for (const std::string& label : labels) {
                if (const std::string* value = label_of(workload, label)) {
                    made.labels.emplace(label, *value);
                }
            }
            classes_.push_back(std::move(made));
        }
        class_of_.push_back(entry->second);
    }
}

}  // namespace sallyport::policy
