// SPDX-License-Identifier: Apache-2.0
#include "gateway/config/load.h"

#include "gateway/config/check.h"
#include "gateway/config/yaml_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <tuple>

namespace sallyport::config {
namespace {

constexpr std::string_view kFileScheme = "file://";

struct FileCloser {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

std::optional<std::string> read_file(const std::string& path, Problems& problems) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
        problems.push_back({path, 0, 0, "is a directory, expected a file"});
        return std::nullopt;
    }
    const std::unique_ptr<std::FILE, FileCloser> file(std::fopen(path.c_str(), "rbe"));
    if (!file) {
        problems.push_back({path, 0, 0, std::string("cannot be opened: ") + std::strerror(errno)});
        return std::nullopt;
    }
    std::string text(kConfigBytesMax + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    if (std::ferror(file.get()) != 0) {
        problems.push_back({path, 0, 0, std::string("cannot be read: ") + std::strerror(errno)});
        return std::nullopt;
    }
    return text;
}

/// Turns file:// addresses into paths, and names those that need a fetcher.
void settle_feed_urls(Config& config, Problems& problems) {
    for (std::size_t i = 0; i < config.feeds.size(); ++i) {
        FeedConfig& feed = config.feeds[i];
        const std::string key = "feeds[" + std::to_string(i) + "].url";
        if (feed.url.empty()) {
            continue;
        }
        if (!feed.path.empty()) {
            problems.push_back(
                config.problem_at(key, "path is written too, expected one of path and url")
            );
        } else if (feed.url.rfind(std::string(kFileScheme) + "/", 0) == 0) {
            feed.path = feed.url.substr(kFileScheme.size());
        } else {
            const std::size_t scheme = feed.url.find("://");
            const std::string shown =
                scheme == std::string::npos ? feed.url : feed.url.substr(0, scheme + 3) + "...";
            // Only the scheme is shown: download keys stand in the addresses of some feeds.
            problems.push_back(config.problem_at(
                key, "\"" + shown + "\" is not supported by this version, expected file:///path"
            ));
        }
    }
}

void order_by_place(Problems& problems, std::size_t from) {
    std::stable_sort(
        problems.begin() + static_cast<std::ptrdiff_t>(from),
        problems.end(),
        [](const Problem& a, const Problem& b) {
            return std::tie(a.line, a.column) < std::tie(b.line, b.column);
        }
    );
}

}  // namespace

std::optional<Config> parse_config(
    std::string_view text, const std::string& path, Purpose purpose, Problems& problems
) {
    const std::size_t before = problems.size();
    if (text.size() > kConfigBytesMax) {
        problems.push_back({path, 0, 0, "is larger than 1MiB, expected a configuration"});
        return std::nullopt;
    }
    Config config;
    config.path = path;
    if (read_yaml(text, config, problems)) {
        settle_feed_urls(config, problems);
        check_config(config, purpose, problems);
    }
    order_by_place(problems, before);
    if (problems.size() != before) {
        return std::nullopt;
    }
    return config;
}

std::optional<Config> load_config(const std::string& path, Purpose purpose, Problems& problems) {
    const auto text = read_file(path, problems);
    return text ? parse_config(*text, path, purpose, problems) : std::nullopt;
}

}  // namespace sallyport::config
