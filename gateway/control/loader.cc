// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/loader.h"

#include "gateway/control/feed_loading.h"
#include "gateway/identity/object_files.h"
#include "gateway/policy/compiler.h"
#include "gateway/policy/egress_assignments.h"
#include "gateway/policy/policy_objects.h"

#include <algorithm>
#include <filesystem>

namespace sallyport::control {
namespace {

void append(Problems& to, const Problems& from) {
    to.insert(to.end(), from.begin(), from.end());
}

/// Rows of egress.assignments as the policy engine takes them; problems point at the row.
std::vector<policy::AssignmentRow> read_assignments(
    const config::Config& config, Problems& problems
) {
    std::vector<policy::AssignmentRow> rows;
    const auto& pools = config.egress.pools;
    for (std::size_t i = 0; i < config.egress.assignments.size(); ++i) {
        const config::AssignmentConfig& row = config.egress.assignments[i];
        const auto pool = std::find_if(pools.begin(), pools.end(), [&](const auto& candidate) {
            return candidate.name == row.pool;
        });
        auto parsed = policy::AssignmentRow::parse(
            row.selector, row.namespace_selector, static_cast<std::uint16_t>(pool - pools.begin())
        );
        if (parsed) {
            rows.push_back(std::move(parsed).value());
        } else {
            problems.push_back(config.problem_at(
                "egress.assignments[" + std::to_string(i) + "]", parsed.error().message
            ));
        }
    }
    return rows;
}

}  // namespace

std::optional<LoadedInputs> load_inputs(
    const config::Config& config,
    const LoadOptions& options,
    identity::WorkloadRegistry& registry,
    Problems& problems
) {
    const std::size_t before = problems.size();
    LoadedInputs out;
    const identity::ObjectSet objects = identity::read_object_files(config.workloads.files);
    append(problems, objects.problems);
    const policy::PolicyReading policies = policy::read_policies(config.policy.paths);
    append(problems, policies.problems);
    append(out.notes, policies.notes);
    const std::vector<policy::AssignmentRow> rows = read_assignments(config, problems);
    const auto given_up = [&] {
        const bool yes = options.cancelled && options.cancelled();
        if (yes) {
            problems.push_back({"", 0, 0, "given up: the gateway is stopping"});
        }
        return yes;
    };
    if (given_up()) {
        return std::nullopt;
    }
    // Feeds are compiled last, when nothing else can refuse; until then they are only checked, so
    // that their problems are named in the same run.
    if (problems.size() != before || options.state_directory.empty()) {
        check_feeds(config, options, out, problems);
    }
    if (problems.size() != before) {
        return std::nullopt;
    }

    // From here on the inputs are sound; what is left can only meet its limits.
    identity::BuiltWorkloads built = identity::build_workloads(objects);
    out.workload_counts = built.counts;
    const identity::RegistryChange change = registry.replace(std::move(built.workloads));
    out.workloads = change.table;
    if (change.refused != 0) {
        problems.push_back(config.problem_at(
            "workloads.files",
            std::to_string(change.refused) + " pods too many were ever seen; "
                                             "restart the gateway"
        ));
    }
    out.pools = policy::assign_pools(rows, *out.workloads);
    auto compiled = policy::compile(policies.objects, *out.workloads);
    if (compiled) {
        out.policy = std::move(compiled).value();
    } else {
        problems.push_back(config.problem_at("policy.paths", compiled.error().message));
    }
    if (problems.size() == before && !options.state_directory.empty() && !given_up()) {
        load_feeds(config, options, out, problems);
    }
    return problems.size() == before ? std::optional(std::move(out)) : std::nullopt;
}

void discard_other_databases(const std::string& state_directory, const std::string& keep) {
    const std::string prefix = std::filesystem::path(keep).filename().string() + ".";
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(state_directory, error)) {
        const std::string name = entry.path().filename();
        if (name.size() > prefix.size() && name.compare(0, prefix.size(), prefix) == 0) {
            std::filesystem::remove(entry.path(), error);
        }
    }
}

}  // namespace sallyport::control
