// SPDX-License-Identifier: Apache-2.0
#include "gateway/config/config.h"

namespace sallyport::config {

Problem Config::problem_at(const std::string& key_path, const std::string& message) const {
    Problem problem;
    problem.path = path;
    problem.message = key_path.empty() ? message : key_path + ": " + message;
    std::string key = key_path;
    for (;;) {
        if (const auto found = places.find(key); found != places.end()) {
            problem.line = found->second.line;
            problem.column = found->second.column;
            return problem;
        }
        const std::size_t cut = key.find_last_of(".[");
        if (cut == std::string::npos) {
            return problem;
        }
        key.resize(cut);
    }
}

const std::string& Config::state_directory() const noexcept {
    return gateway.state.empty() ? events.spool.directory : gateway.state;
}

}  // namespace sallyport::config
