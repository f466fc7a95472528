// SPDX-License-Identifier: Apache-2.0
// What single objects cannot tell about themselves: names given twice, tiers that are missing or
// fixed, rules that can never match at an egress gateway.
#pragma once

#include "gateway/model/result.h"
#include "gateway/policy/policy_objects.h"

namespace sallyport::policy {

/// Tiers Calico fixes (calico.md section 5, point 1), as they are when no object says so.
const std::vector<Tier>& fixed_tiers();

/// Adds to `problems` what refuses the set, to `notes` what an operator should know. Pure.
void check_policies(const PolicyObjects& objects, Problems& problems, Problems& notes);

/// What a rule's destination selectors mean for a GlobalNetworkSet: effective selectors of
/// calico.md section 4, second table.
Selector effective_entity_selector(const RuleEntity& entity);

}  // namespace sallyport::policy
