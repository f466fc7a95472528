// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/gateway_commands.h"

#include "gateway/cli/status_text.h"
#include "gateway/control/admin_client.h"
#include "gateway/control/gateway_view.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace sallyport::cli {
namespace {

using control::AdminAnswer;
using control::AdminClient;

Exit unreached(const AdminAnswer& answer, const Console& console) {
    console.err << "could not reach the gateway: " << printable(answer.problem) << '\n';
    return Exit::not_reached;
}

/// Status of the gateway, or the exit code of why there is none.
std::optional<control::GatewayStatus> ask_status(
    const std::string& socket_path, const Console& console, std::string& body, Exit& exit
) {
    const AdminAnswer answer = AdminClient(socket_path).get("/v1/status");
    if (!answer.reached) {
        exit = unreached(answer, console);
        return std::nullopt;
    }
    const auto status = control::parse_status(answer.body);
    if (!answer.ok() || !status) {
        console.err << printable(answer.ok() ? status.error().message : answer.problem) << '\n';
        exit = Exit::not_reached;
        return std::nullopt;
    }
    body = answer.body;
    return status.value();
}

void print_outcome(const control::ReloadOutcome& outcome, const Console& console) {
    for (const std::string& note : outcome.notes) {
        console.err << "note: " << printable(note) << '\n';
    }
    for (const std::string& problem : outcome.problems) {
        console.err << printable(problem) << '\n';
    }
    if (outcome.accepted) {
        console.out << "generation " << outcome.generation << " in force after "
                    << outcome.milliseconds << " ms\n";
    } else {
        console.err << "refused: " << outcome.problems.size()
                    << (outcome.problems.size() == 1 ? " problem" : " problems") << "; generation "
                    << outcome.generation << " runs on\n";
    }
}

}  // namespace

Exit status_command(const std::string& socket_path, Format format, const Console& console) {
    std::string body;
    Exit exit = Exit::done;
    const auto status = ask_status(socket_path, console, body, exit);
    if (!status) {
        return exit;
    }
    if (format == Format::json) {
        console.out << body;
    } else if (format == Format::compact) {
        print_status_compact(*status, console);
    } else {
        print_status(*status, console);
    }
    return exit_of(status->health);
}

Exit reload_command(const std::string& socket_path, Format format, const Console& console) {
    const AdminAnswer answer = AdminClient(socket_path).post("/v1/reload");
    if (!answer.reached) {
        return unreached(answer, console);
    }
    constexpr int kRefused = 409;
    const auto outcome = control::parse_reload(answer.body);
    if ((!answer.ok() && answer.status != kRefused) || !outcome) {
        console.err << printable(answer.problem) << '\n';
        return Exit::said_no;
    }
    if (format == Format::json) {
        console.out << answer.body;
    } else {
        print_outcome(outcome.value(), console);
    }
    return outcome.value().accepted ? Exit::done : Exit::said_no;
}

Exit feeds_list_command(const std::string& socket_path, Format format, const Console& console) {
    std::string body;
    Exit exit = Exit::done;
    const auto status = ask_status(socket_path, console, body, exit);
    if (!status) {
        return exit;
    }
    if (format == Format::json) {
        console.out << nlohmann::json::parse(body)["feeds"].dump() << '\n';
    } else if (format == Format::compact) {
        for (const auto& feed : status->feeds) {
            console.out << feed.name << " action=" << feed.action << " entries=" << feed.entries
                        << " rejected=" << feed.rejected_lines << " matches=" << feed.matches
                        << '\n';
        }
    } else {
        print_feeds(*status, console);
    }
    return Exit::done;
}

}  // namespace sallyport::cli
