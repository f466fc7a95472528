// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/feeds_commands.h"

#include "classifier/threat_database.h"
#include "feeds/compiler.h"
#include "feeds/feed.h"
#include "feeds/lookup.h"
#include "gateway/cli/progress.h"
#include "gateway/cli/table.h"
#include "gateway/config/load.h"
#include "gateway/control/feed_loading.h"
#include "gateway/model/clock.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

namespace sallyport::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

struct Chosen {
    std::vector<feeds::FeedSource> sources;
    feeds::NeverBlock never_block;
};

/// The feeds a command is about, or what is wrong with the question.
std::optional<Chosen> choose(const FeedChoice& choice, const Console& console, Exit& exit) {
    Chosen out;
    if (!choice.config_path.empty()) {
        Problems problems;
        const auto config =
            config::load_config(choice.config_path, config::Purpose::replay, problems);
        if (!config) {
            print_problems(console, problems);
            exit = Exit::said_no;
            return std::nullopt;
        }
        for (const config::FeedConfig& feed : config->feeds) {
            out.sources.push_back(control::source_of(feed));
        }
        out.never_block = control::never_block_of(*config);
    }
    for (const config::FeedConfig& feed : choice.feeds) {
        out.sources.push_back(control::source_of(feed));
    }
    if (out.sources.empty()) {
        console.err << "no feeds are named, expected -c FILE or --feed NAME=FILE\n";
        exit = Exit::wrong_use;
        return std::nullopt;
    }
    return out;
}

std::string by_type(const feeds::FeedReport& report) {
    std::string out;
    for (std::size_t i = 1; i < report.indicators.size(); ++i) {
        if (report.indicators[i] != 0) {
            out += (out.empty() ? "" : ", ") + std::to_string(report.indicators[i]) + " " +
                   std::string(name_of(static_cast<IndicatorType>(i)));
        }
    }
    return out.empty() ? "none" : out;
}

std::string by_reason(const feeds::FeedReport& report) {
    std::string out;
    for (const auto& [reason, count] : report.skipped) {
        out += (out.empty() ? "" : ", ") + std::to_string(count) + " " + reason;
    }
    return out.empty() ? "none" : out;
}

Json as_json(const feeds::FeedReport& report) {
    Json indicators = Json::object();
    for (std::size_t i = 1; i < report.indicators.size(); ++i) {
        indicators[std::string(name_of(static_cast<IndicatorType>(i)))] = report.indicators[i];
    }
    Json problems = Json::array();
    for (const Problem& problem : report.problems) {
        problems.push_back(problem.text());
    }
    return {
        {"name", report.name},
        {"format", report.format},
        {"lines", report.lines},
        {"bad_lines", report.bad_lines},
        {"indicators", indicators},
        {"skipped", report.skipped},
        {"problems", problems},
        {"refused", report.refused}};
}

void print_report(const feeds::FeedReport& report, const Console& console) {
    console.out << printable(report.name) << ": " << report.format << ", " << report.lines
                << " lines, " << report.bad_lines << " bad\n"
                << "  indicators  " << by_type(report) << '\n'
                << "  left out    " << by_reason(report) << '\n';
    print_problems(console, report.problems);
    if (report.problems_left_out != 0) {
        console.err << printable(report.name) << ": " << report.problems_left_out
                    << " further problems\n";
    }
    if (!report.refused.empty()) {
        console.err << printable(report.name) << ": refused: " << printable(report.refused) << '\n';
    }
}

/// Compiles with a progress bar.
Result<feeds::CompileReport> compile(
    const Chosen& chosen, const std::string& path, Problems& problems, const Console& console
) {
    const SystemClock clock;
    Progress bar("compiling", 0, console, clock);
    feeds::CompileOptions options;
    options.never_block = chosen.never_block;
    options.progress = [&](const feeds::Progress& progress) {
        bar.set_total(progress.bytes_total);
        bar.update(
            progress.bytes, progress.feed + " " + short_count(progress.indicators) + " indicators"
        );
    };
    return feeds::compile(chosen.sources, path, problems, options);
}

/// A directory of our own that goes away with everything in it.
class ScratchDirectory {
public:
    ScratchDirectory() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "sallyport-XXXXXX").string();
        if (::mkdtemp(pattern.data()) != nullptr) {
            path_ = pattern;
        }
    }
    ~ScratchDirectory() {
        std::error_code ignored;
        if (!path_.empty()) {
            std::filesystem::remove_all(path_, ignored);
        }
    }
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

using Database = std::shared_ptr<const classifier::ThreatDatabase>;

Database open_database(
    const FeedChoice& choice, const ScratchDirectory& scratch, const Console& console, Exit& exit
) {
    exit = Exit::said_no;
    std::string path = choice.database;
    if (path.empty()) {
        const auto chosen = choose(choice, console, exit);
        if (!chosen) {
            return nullptr;
        }
        path = scratch.path() + "/threats.db";
        Problems problems;
        const auto compiled = compile(*chosen, path, problems, console);
        if (!compiled) {
            print_problems(console, problems);
            console.err << printable(compiled.error().message) << '\n';
            return nullptr;
        }
    }
    auto opened = classifier::ThreatDatabase::open(path, "");
    if (!opened) {
        console.err << printable(opened.error().message) << '\n';
        return nullptr;
    }
    return std::move(opened).value();
}

void print_hits(
    const std::string& value,
    const std::vector<feeds::LookupHit>& hits,
    Format format,
    const Console& console
) {
    if (format == Format::json) {
        Json rows = Json::array();
        for (const feeds::LookupHit& hit : hits) {
            rows.push_back(
                {{"feed", hit.feed},
                 {"action", name_of(hit.action)},
                 {"category", hit.category},
                 {"confidence", hit.confidence},
                 {"type", name_of(hit.type)},
                 {"indicator", hit.indicator},
                 {"path", hit.path},
                 {"line", hit.line}}
            );
        }
        console.out << dump(rows) << '\n';
        return;
    }
    if (hits.empty()) {
        console.out << printable(value) << ": no indicator matches\n";
        return;
    }
    Table table({"FEED", "ACTION", "CATEGORY", "CONFIDENCE", "TYPE", "INDICATOR", "FROM"});
    for (const feeds::LookupHit& hit : hits) {
        table.add(
            {hit.feed,
             std::string(name_of(hit.action)),
             hit.category.empty() ? "-" : hit.category,
             std::to_string(hit.confidence),
             std::string(name_of(hit.type)),
             printable(hit.indicator),
             hit.path + ":" + std::to_string(hit.line)}
        );
    }
    table.print(console.out);
}

}  // namespace

Exit feeds_check_command(const FeedChoice& choice, Format format, const Console& console) {
    Exit exit = Exit::done;
    const auto chosen = choose(choice, console, exit);
    if (!chosen) {
        return exit;
    }
    Json rows = Json::array();
    for (const feeds::FeedSource& source : chosen->sources) {
        const SystemClock clock;
        Progress bar(source.name, 0, console, clock);
        feeds::FeedReaderHooks hooks;
        hooks.progress = [&](std::uint64_t bytes, std::uint64_t indicators) {
            bar.update(bytes, short_bytes(bytes) + ", " + short_count(indicators) + " indicators");
        };
        const feeds::FeedReport report = feeds::read_feed(source, chosen->never_block, hooks);
        if (!report.refused.empty() || report.bad_lines != 0) {
            exit = Exit::said_no;
        }
        if (format == Format::json) {
            rows.push_back(as_json(report));
        } else {
            print_report(report, console);
        }
    }
    if (format == Format::json) {
        console.out << dump(rows) << '\n';
    }
    return exit;
}

Exit feeds_lookup_command(
    const FeedChoice& choice, const std::string& value, Format format, const Console& console
) {
    const ScratchDirectory scratch;
    Exit exit = Exit::done;
    const Database database = open_database(choice, scratch, console, exit);
    if (!database) {
        return exit;
    }
    const auto hits = feeds::lookup(*database, value);
    if (!hits) {
        console.err << printable(hits.error().message) << '\n';
        return Exit::wrong_use;
    }
    print_hits(value, hits.value(), format, console);
    return hits.value().empty() ? Exit::said_no : Exit::done;
}

Exit feeds_compile_command(
    const FeedChoice& choice, const std::string& output_path, Format format, const Console& console
) {
    Exit exit = Exit::done;
    const auto chosen = choose(choice, console, exit);
    if (!chosen) {
        return exit;
    }
    Problems problems;
    const auto compiled = compile(*chosen, output_path, problems, console);
    print_problems(console, problems);
    if (!compiled) {
        console.err << printable(compiled.error().message) << "; " << printable(output_path)
                    << " is as it was\n";
        return Exit::said_no;
    }
    const feeds::CompileReport& report = compiled.value();
    if (format == Format::json) {
        Json rows = Json::array();
        for (const feeds::FeedReport& feed : report.feeds) {
            rows.push_back(as_json(feed));
        }
        console.out << dump(
                           {{"path", output_path},
                            {"indicators", report.indicators},
                            {"bytes", report.file_bytes},
                            {"hash", report.content_hash},
                            {"feeds", rows}}
                       )
                    << '\n';
        return Exit::done;
    }
    console.out << printable(output_path) << ": " << report.indicators << " indicators of "
                << report.feeds.size() << (report.feeds.size() == 1 ? " feed, " : " feeds, ")
                << short_bytes(report.file_bytes) << ", " << report.content_hash << '\n';
    return Exit::done;
}

}  // namespace sallyport::cli
