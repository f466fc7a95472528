// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/policy_set.h"

namespace sallyport::policy {

PolicySet::~PolicySet() = default;

std::vector<TraceStep> PolicySet::explain(ProgramId /*program*/, const Question& /*question*/)
    const {
    return {};
}

}  // namespace sallyport::policy
