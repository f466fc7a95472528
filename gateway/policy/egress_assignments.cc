// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/egress_assignments.h"

#include "gateway/policy/policy_check.h"
#include "gateway/policy/workload_labels.h"

#include <utility>

namespace sallyport::policy {
namespace {

Selector effective(const AssignmentRow& row) {
    RuleEntity entity;
    entity.selector = row.selector;
    entity.namespace_selector = row.namespace_selector;
    return effective_entity_selector(entity);
}

}  // namespace

Result<AssignmentRow> AssignmentRow::parse(
    std::string_view selector, std::string_view namespace_selector, std::uint16_t pool
) {
    AssignmentRow row;
    row.pool = pool;
    Result<Selector> parsed = Selector::parse(selector);
    if (!parsed) {
        return Error{"selector: " + parsed.error().message};
    }
    row.selector = std::move(parsed).value();
    if (!namespace_selector.empty()) {
        Result<Selector> of_namespace = Selector::parse(namespace_selector);
        if (!of_namespace) {
            return Error{"namespaceSelector: " + of_namespace.error().message};
        }
        row.namespace_selector = std::move(of_namespace).value();
    }
    if (row.selector.mentions_global() ||
        (row.namespace_selector && row.namespace_selector->mentions_global())) {
        return Error{"global() selects no workload"};
    }
    return row;
}

std::vector<std::uint16_t> assign_pools(
    const std::vector<AssignmentRow>& rows, const WorkloadTable& table
) {
    std::vector<Selector> selectors;
    std::set<std::string> labels;
    for (const AssignmentRow& row : rows) {
        selectors.push_back(effective(row));
        selectors.back().collect_labels(labels);
    }
    const WorkloadClasses classes(table, labels);
    std::vector<std::uint16_t> pool_of_class;
    for (const WorkloadClasses::Class& each : classes.classes()) {
        std::uint16_t pool = kNoPool;
        for (std::size_t i = 0; i < rows.size() && each.kind != Workload::Kind::none; ++i) {
            if (selectors[i].matches(each.labels)) {
                pool = rows[i].pool;
                break;
            }
        }
        pool_of_class.push_back(pool);
    }
    std::vector<std::uint16_t> out;
    out.reserve(table.size());
    for (const std::uint32_t each : classes.class_of()) {
        out.push_back(pool_of_class[each]);
    }
    return out;
}

}  // namespace sallyport::policy
