// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/feed_loading.h"

#include "feeds/compiler.h"
#include "gateway/model/domain_name.h"

#include <filesystem>
#include <sys/stat.h>
#include <system_error>

namespace sallyport::control {
namespace {

constexpr const char* kDatabaseName = "threats.db";
constexpr const char* kPatternsName = "patterns";

std::vector<feeds::FeedSource> sources_of(const config::Config& config) {
    std::vector<feeds::FeedSource> out;
    for (const config::FeedConfig& feed : config.feeds) {
        out.push_back(source_of(feed));
    }
    return out;
}

feeds::CompileOptions compile_options(const config::Config& config, const LoadOptions& options) {
    feeds::CompileOptions out;
    out.never_block = never_block_of(config);
    if (options.progress) {
        out.progress = [&options](const feeds::Progress& progress) {
            options.progress(
                progress.feed.empty() ? "building the threat database" : progress.feed,
                progress.bytes,
                progress.bytes_total
            );
        };
    }
    return out;
}

/// The host of `host:port`, as a guard against a feed that would cut our own events off.
void add_host(const std::string& broker, feeds::NeverBlock& out) {
    const std::string host = broker.substr(0, broker.rfind(':'));
    const bool bracketed = host.size() > 2 && host.front() == '[';
    const std::string bare = bracketed ? host.substr(1, host.size() - 2) : host;
    if (const auto prefix = IpPrefix::parse(bare)) {
        out.prefixes.push_back(prefix->canonical());
    } else if (const std::string name = canonical_name(bare); !name.empty()) {
        out.names.push_back(name);
    }
}

/// Compiles, and keeps the bad lines that a feed may have apart from what refuses it.
std::optional<feeds::CompileReport> compile_feeds(
    const config::Config& config,
    const std::string& path,
    const feeds::CompileOptions& options,
    Problems& notes,
    Problems& problems
) {
    Problems found;
    auto compiled = feeds::compile(sources_of(config), path, found, options);
    Problems& where = compiled ? notes : problems;
    where.insert(where.end(), found.begin(), found.end());
    if (!compiled) {
        problems.push_back(config.problem_at("feeds", compiled.error().message));
        return std::nullopt;
    }
    return std::move(compiled).value();
}

/// The database of an earlier run, when it was made from what the feeds hold now.
std::shared_ptr<const classifier::ThreatDatabase> unchanged_database(
    const config::Config& config, const std::string& path, const std::string& patterns
) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) {
        return nullptr;
    }
    auto opened = classifier::ThreatDatabase::open(path, patterns);
    if (!opened) {
        return nullptr;  // damaged or of another version: compiled anew
    }
    const std::string wanted = feeds::inputs_hash(sources_of(config), never_block_of(config));
    return opened.value()->content_hash() == wanted ? std::move(opened).value() : nullptr;
}

}  // namespace

feeds::FeedSource source_of(const config::FeedConfig& feed) {
    feeds::FeedSource out;
    out.name = feed.name;
    out.path = feed.path;
    out.format = feed.format;
    out.category = feed.category;
    out.action = feed.action;
    out.confidence = static_cast<std::uint8_t>(feed.confidence);
    out.csv.value = feed.csv.value;
    out.csv.type = feed.csv.type;
    out.csv.port = feed.csv.port;
    out.csv.delimiter = feed.csv.delimiter;
    out.names_exact = feed.names_exact;
    out.allow_public_suffixes = feed.allow_public_suffixes;
    out.bad_lines_percent_max = feed.bad_lines_percent;
    return out;
}

std::string identity_of(const feeds::FeedSource& feed) {
    std::string out;
    const auto files = feeds::feed_files(feed);
    for (const std::string& path : files ? files.value() : std::vector<std::string>{}) {
        struct stat info {};
        if (stat(path.c_str(), &info) == 0) {
            out += path + ' ' + std::to_string(info.st_ino) + ' ' + std::to_string(info.st_size) +
                   ' ' + std::to_string(info.st_mtim.tv_sec) + '.' +
                   std::to_string(info.st_mtim.tv_nsec) + '\n';
        }
    }
    return out;
}

feeds::NeverBlock never_block_of(const config::Config& config) {
    feeds::NeverBlock out;
    for (const std::string& text : config.policy.never_block) {
        if (const auto prefix = IpPrefix::parse(text)) {
            out.prefixes.push_back(prefix->canonical());
        } else {
            out.names.push_back(canonical_name(text));
        }
    }
    for (const config::PortConfig& port : config.dataplane.ports) {
        for (const IpPrefix& address : port.addresses) {
            out.prefixes.push_back(
                {address.address, static_cast<std::uint8_t>(address.address.bits())}
            );
        }
        for (const IpAddress& hop : port.next_hops) {
            out.prefixes.push_back({hop, static_cast<std::uint8_t>(hop.bits())});
        }
    }
    for (const config::PoolConfig& pool : config.egress.pools) {
        out.prefixes.insert(out.prefixes.end(), pool.addresses.begin(), pool.addresses.end());
    }
    for (const config::SinkConfig& sink : config.events.sinks) {
        if (sink.kafka) {
            for (const std::string& broker : sink.kafka->brokers) {
                add_host(broker, out);
            }
        }
    }
    return out;
}

void check_feeds(
    const config::Config& config, const LoadOptions& options, LoadedInputs& out, Problems& problems
) {
    auto report = compile_feeds(config, "", compile_options(config, options), out.notes, problems);
    if (report) {
        out.feed_reports = std::move(report->feeds);
    }
}

void load_feeds(
    const config::Config& config, const LoadOptions& options, LoadedInputs& out, Problems& problems
) {
    out.threats = classifier::ThreatDatabase::empty();
    if (config.feeds.empty()) {
        return;
    }
    for (const feeds::FeedSource& source : sources_of(config)) {
        out.feed_identities.push_back(identity_of(source));
    }
    const std::filesystem::path directory = options.state_directory;
    const std::string patterns = directory / kPatternsName;
    std::error_code error;
    std::filesystem::create_directories(patterns, error);
    if (error) {
        problems.push_back(
            config.problem_at("gateway.state", patterns + " cannot be made: " + error.message())
        );
        return;
    }
    out.threats_path = directory / kDatabaseName;
    feeds::CompileOptions compiling = compile_options(config, options);
    compiling.pattern_cache = patterns;
    if (auto same = unchanged_database(config, out.threats_path, patterns)) {
        out.threats = std::move(same);
        for (const feeds::FeedSource& source : sources_of(config)) {
            out.feed_reports.push_back(feeds::read_feed(source, compiling.never_block));
        }
        return;
    }
    auto report = compile_feeds(config, out.threats_path, compiling, out.notes, problems);
    if (!report) {
        return;
    }
    out.threats_compiled = true;
    out.feed_reports = std::move(report->feeds);
    auto opened = classifier::ThreatDatabase::open(out.threats_path, patterns);
    if (opened) {
        out.threats = std::move(opened).value();
    } else {
        problems.push_back(config.problem_at("feeds", opened.error().message));
    }
}

}  // namespace sallyport::control
