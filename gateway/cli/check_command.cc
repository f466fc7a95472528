// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/check_command.h"

#include "gateway/cli/progress.h"
#include "gateway/config/load.h"
#include "gateway/control/loader.h"
#include "gateway/model/clock.h"

#include <nlohmann/json.hpp>

namespace sallyport::cli {
namespace {

std::string summary(const control::LoadedInputs& inputs) {
    std::uint64_t indicators = 0;
    for (const feeds::FeedReport& report : inputs.feed_reports) {
        indicators += report.indicator_count();
    }
    return std::to_string(inputs.workload_counts.pods) + " pods, " +
           std::to_string(inputs.policy->policy_count()) + " policies, " +
           std::to_string(inputs.feed_reports.size()) +
           (inputs.feed_reports.size() == 1 ? " feed with " : " feeds with ") +
           std::to_string(indicators) + " indicators";
}

nlohmann::json listed(const Problems& problems) {
    auto out = nlohmann::json::array();
    for (const Problem& problem : problems) {
        out.push_back(
            {{"path", problem.path},
             {"line", problem.line},
             {"column", problem.column},
             {"message", problem.message}}
        );
    }
    return out;
}

void print_json(
    bool good, const Problems& problems, const Problems& notes, const Console& console
) {
    const nlohmann::json out{
        {"ok", good}, {"problems", listed(problems)}, {"notes", listed(notes)}};
    console.out << out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

}  // namespace

Exit check_command(const std::string& config_path, Format format, const Console& console) {
    Problems problems;
    Problems notes;
    std::string good;
    const auto config = config::load_config(config_path, config::Purpose::run, problems);
    if (config) {
        const SystemClock clock;
        Progress bar("checking", 0, console, clock);
        control::LoadOptions options;
        options.progress = [&](std::string_view what, std::uint64_t done, std::uint64_t total) {
            bar.set_total(total);
            bar.update(done, std::string(what));
        };
        identity::WorkloadRegistry registry;
        const auto inputs = control::load_inputs(*config, options, registry, problems);
        if (inputs) {
            notes = inputs->notes;
            good = summary(*inputs);
        }
    }
    if (format == Format::json) {
        print_json(problems.empty(), problems, notes, console);
        return problems.empty() ? Exit::done : Exit::said_no;
    }
    print_problems(console, problems);
    for (const Problem& note : notes) {
        console.err << "note: " << printable(note.text()) << '\n';
    }
    if (!problems.empty()) {
        console.err << problems.size() << (problems.size() == 1 ? " problem" : " problems") << '\n';
        return Exit::said_no;
    }
    console.out << config_path << ": good: " << good << '\n';
    return Exit::done;
}

}  // namespace sallyport::cli
