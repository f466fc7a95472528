// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/summary.h"

#include <algorithm>
#include <iomanip>
#include <vector>

namespace sallyport::control {
namespace {

std::string who(const Event& event, const EventDictionary& names) {
    if (event.attribution != AttributionStatus::known &&
        event.attribution != AttributionStatus::node) {
        return event.source.text() + " (" + std::string(name_of(event.attribution)) + ")";
    }
    const Workload& workload = names.workloads[event.workload];
    if (workload.kind == Workload::Kind::node) {
        return "node/" + workload.node;
    }
    return workload.namespace_name + "/" + workload.owner_kind + "/" + workload.owner_name;
}

std::string service(const Event& event) {
    std::string transport = event.protocol == 6 ? "tcp" : event.protocol == 17 ? "udp" : "icmp";
    if (transport == "icmp") {
        return transport;
    }
    transport += '/' + std::to_string(event.destination_port);
    if (event.app_protocol != AppProtocol::none) {
        transport += ' ' + std::string(name_of(event.app_protocol));
    }
    return transport;
}

std::string destination(const Event& event) {
    return event.text_size != 0 ? std::string(event.text_view()) : event.destination.text();
}

std::string bytes(std::uint64_t count) {
    constexpr std::array<const char*, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    auto value = static_cast<double>(count);
    while (value >= 10'000 && unit + 1 < kUnits.size()) {
        value /= 1024;
        ++unit;
    }
    return std::to_string(static_cast<std::uint64_t>(value)) + ' ' + kUnits[unit];
}

std::string printable(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?'
    );
    return text;
}

using Lines = std::vector<std::vector<std::string>>;

void print_table(std::ostream& out, const Lines& lines) {
    std::vector<std::size_t> widths;
    for (const auto& line : lines) {
        widths.resize(std::max(widths.size(), line.size()));
        for (std::size_t i = 0; i < line.size(); ++i) {
            widths[i] = std::max(widths[i], line[i].size());
        }
    }
    for (const auto& line : lines) {
        std::string text;
        for (std::size_t i = 0; i < line.size(); ++i) {
            text += line[i] + std::string(widths[i] - line[i].size() + 2, ' ');
        }
        text.erase(text.find_last_not_of(' ') + 1);
        out << text << '\n';
    }
}

}  // namespace

void Summary::add(const Event& event, const EventDictionary& names) {
    if (event.kind == EventKind::dns_query) {
        ++dns_queries_;
        dns_denied_ += event.verdict == Verdict::deny ? 1 : 0;
    }
    if (event.kind == EventKind::threat_match && event.match_size != 0) {
        for (std::size_t i = 0; i < event.match_size; ++i) {
            Match& match = matches_[{
                names.feeds[event.matches[i].feed].name,
                printable(destination(event)),
                who(event, names)}];
            ++match.count;
            match.denied += event.verdict == Verdict::deny ? 1 : 0;
        }
    }
    const bool denied_query = event.kind == EventKind::dns_query && event.verdict == Verdict::deny;
    if (event.kind != EventKind::flow_end && event.kind != EventKind::flow_denied &&
        !denied_query) {
        return;
    }
    Row& row = talks_[{who(event, names), printable(destination(event)), service(event)}];
    ++row.flows;
    row.bytes_out += event.bytes_out;
    row.bytes_in += event.bytes_in;
    if (event.verdict == Verdict::deny) {
        ++row.denied;
        row.why = name_of(event.reason);
        if (event.rule != kNoRule && event.rule < names.rules.size()) {
            row.why += " " + names.rules[event.rule].id;
        } else if (event.match_size != 0) {
            row.why += " " + names.feeds[event.matches[0].feed].name;
        }
    }
}

void Summary::print(
    std::ostream& out,
    std::uint64_t packets,
    const std::array<std::uint64_t, kDropReasonCount>& drops
) const {
    Lines talks{{"WHO", "TO", "SERVICE", "FLOWS", "OUT", "IN", "DENIED", "WHY"}};
    for (const auto& [key, row] : talks_) {
        talks.push_back(
            {std::get<0>(key),
             std::get<1>(key),
             std::get<2>(key),
             std::to_string(row.flows),
             bytes(row.bytes_out),
             bytes(row.bytes_in),
             row.denied == 0 ? "-" : std::to_string(row.denied),
             row.why}
        );
    }
    print_table(out, talks);
    if (!matches_.empty()) {
        out << '\n';
        Lines lines{{"FEED", "MATCHED", "WHO", "TIMES", "DENIED"}};
        for (const auto& [key, match] : matches_) {
            lines.push_back(
                {std::get<0>(key),
                 std::get<1>(key),
                 std::get<2>(key),
                 std::to_string(match.count),
                 match.denied == 0 ? "-" : std::to_string(match.denied)}
            );
        }
        print_table(out, lines);
    }
    out << '\n'
        << packets << " packets, " << dns_queries_ << " DNS queries, " << dns_denied_
        << " denied\n";
    Lines doors;
    for (std::size_t i = 0; i < drops.size(); ++i) {
        if (drops[i] != 0) {
            const auto reason = static_cast<DropReason>(i);
            doors.push_back(
                {"  " + std::string(name_of(reason)),
                 std::to_string(drops[i]),
                 std::string(help_of(reason))}
            );
        }
    }
    if (!doors.empty()) {
        out << "not forwarded:\n";
        print_table(out, doors);
    }
}

}  // namespace sallyport::control
