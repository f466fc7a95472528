// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/reference.h"

#include "gateway/cli/table.h"
#include "gateway/config/reference.h"
#include "gateway/control/metrics_text.h"
#include "gateway/model/drop_reason.h"
#include "gateway/model/event.h"
#include "gateway/model/verdict.h"

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace sallyport::cli {
namespace {

/// One table of a page: a title, column names and rows of as many cells.
struct Sheet {
    std::string title;
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;
};

Sheet config_sheet() {
    Sheet sheet{"Configuration", {"key", "type", "default", "range", "meaning"}, {}};
    for (const config::KeyReference& key : config::config_reference()) {
        std::string help = key.help;
        if (key.required) {
            help += " Required.";
        }
        if (key.later) {
            help += " Not supported by this version.";
        }
        sheet.rows.push_back({key.path, key.type, key.default_value, key.range, help});
    }
    return sheet;
}

Sheet drops_sheet() {
    Sheet sheet{"Drop reasons", {"reason", "what to conclude"}, {}};
    for (std::size_t i = 1; i < kDropReasonCount; ++i) {
        const auto reason = static_cast<DropReason>(i);
        sheet.rows.push_back({std::string(name_of(reason)), std::string(help_of(reason))});
    }
    return sheet;
}

Sheet metrics_sheet() {
    Sheet sheet{"Metrics", {"metric", "type", "labels", "meaning"}, {}};
    for (const control::MetricRow& row : control::metric_rows()) {
        sheet.rows.push_back(
            {std::string(row.name),
             std::string(row.type),
             std::string(row.labels),
             std::string(row.help)}
        );
    }
    return sheet;
}

/// When an event is written. A switch, so that a new kind does not compile without its sentence.
std::string when_written(EventKind kind) {
    switch (kind) {
        case EventKind::flow_start:
            return "The first packet of a flow was let through.";
        case EventKind::flow_update:
            return "A long flow went on (events.flow_update).";
        case EventKind::flow_end:
            return "A flow ended; its counters are final.";
        case EventKind::flow_denied:
            return "A flow was denied, or had no egress address.";
        case EventKind::dns_query:
            return "A workload asked for a name.";
        case EventKind::dns_answer:
            return "A resolver answered.";
        case EventKind::threat_match:
            return "A destination is on a threat feed; once for each flow.";
        case EventKind::verdict:
            return "A rule denied, or asked to log.";
        case EventKind::nat_block_allocated:
            return "A workload got a block of egress ports.";
        case EventKind::nat_block_released:
            return "A workload's block of egress ports is free again.";
        case EventKind::nat_exhausted:
            return "No egress port was left for a flow.";
        case EventKind::config_reload:
            return "A new generation came into force.";
        case EventKind::generation_refused:
            return "A reload was refused; the old generation runs on.";
        case EventKind::part_state:
            return "A part of the gateway started, stopped, degraded or recovered.";
        case EventKind::events_shed:
            return "Events were lost before the spool; the range says which.";
        case EventKind::spool_truncated:
            return "The spool gave up records; the range says which.";
    }
    return "";
}

Sheet events_sheet() {
    Sheet sheet{"Events", {"event.action", "class", "topic", "dataset", "when"}, {}};
    for (unsigned i = 1; i <= static_cast<unsigned>(EventKind::spool_truncated); ++i) {
        const auto kind = static_cast<EventKind>(i);
        const std::string name(name_of(class_of(kind)));
        sheet.rows.push_back(
            {std::string(action_of(kind)),
             name,
             "egress." + name + ".v1",
             "sallyport." + name,
             when_written(kind)}
        );
    }
    return sheet;
}

Sheet reasons_sheet() {
    Sheet sheet{"Verdict reasons (event.reason)", {"reason", "meaning"}, {}};
    for (std::size_t i = 1; i < static_cast<std::size_t>(VerdictReason::count_); ++i) {
        const auto reason = static_cast<VerdictReason>(i);
        sheet.rows.push_back({std::string(name_of(reason)), std::string(help_of(reason))});
    }
    return sheet;
}

std::vector<Sheet> sheets_of(Page page) {
    switch (page) {
        case Page::config:
            return {config_sheet()};
        case Page::events:
            return {events_sheet(), reasons_sheet()};
        case Page::drops:
            return {drops_sheet()};
        case Page::metrics:
            return {metrics_sheet()};
    }
    return {};
}

void print_json(const std::vector<Sheet>& sheets, const Console& console) {
    nlohmann::ordered_json out = nlohmann::ordered_json::object();
    for (const Sheet& sheet : sheets) {
        auto rows = nlohmann::ordered_json::array();
        for (const auto& row : sheet.rows) {
            auto cells = nlohmann::ordered_json::object();
            for (std::size_t i = 0; i < row.size(); ++i) {
                cells[sheet.columns[i]] = row[i];
            }
            rows.push_back(std::move(cells));
        }
        out[sheet.title] = std::move(rows);
    }
    console.out << out.dump(2) << '\n';
}

}  // namespace

void print_reference(Page page, Format format, const Console& console) {
    const std::vector<Sheet> sheets = sheets_of(page);
    if (format == Format::json) {
        print_json(sheets, console);
        return;
    }
    for (std::size_t i = 0; i < sheets.size(); ++i) {
        if (format == Format::compact) {
            for (const auto& row : sheets[i].rows) {
                console.out << row.front() << ": " << row.back() << '\n';
            }
            continue;
        }
        Table table(sheets[i].columns);
        for (const auto& row : sheets[i].rows) {
            table.add(row);
        }
        console.out << (i == 0 ? "## " : "\n## ") << sheets[i].title << "\n\n";
        table.print_markdown(console.out);
    }
}

}  // namespace sallyport::cli
