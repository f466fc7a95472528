// SPDX-License-Identifier: Apache-2.0
#include "gateway/identity/object_text.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

namespace sallyport::identity {
namespace {

namespace fs = std::filesystem;

bool is_object_file(const fs::path& path) {
    const auto extension = path.extension();
    return extension == ".json" || extension == ".yaml" || extension == ".yml";
}

Result<std::string> read_file(const std::string& path) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    if (!error && size > kJsonBytesMax) {
        return Error{
            "is " + std::to_string(size) + " bytes; files up to " + std::to_string(kJsonBytesMax) +
            " are read"};
    }
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    std::string text;
    if (!error) {
        text.reserve(size);
    }
    std::string chunk(1U << 16U, '\0');
    // The size on disk is only a hint (pipes, files that grow), so the bound is checked while
    // reading.
    while (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || in.gcount() > 0) {
        text.append(chunk, 0, static_cast<std::size_t>(in.gcount()));
        if (text.size() > kJsonBytesMax) {
            return Error{"is larger than " + std::to_string(kJsonBytesMax) + " bytes"};
        }
    }
    if (!in.eof() || in.bad()) {
        const int reason = errno;
        return Error{
            std::string("cannot be read: ") +
            (reason != 0 ? std::strerror(reason) : "not a regular file")};
    }
    return text;
}

std::vector<std::string> files_of(const std::string& path, Problems& problems) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
        return {path};
    }
    std::vector<std::string> files;
    for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
        std::error_code ignored;
        if (is_object_file(it->path()) && !it->is_directory(ignored)) {
            files.push_back(it->path().string());
        }
    }
    if (error) {
        problems.push_back({path, 0, 0, "cannot be listed: " + error.message()});
    } else if (files.empty()) {
        problems.push_back({path, 0, 0, "holds no .json, .yaml or .yml file"});
    }
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace

void add_problem(
    Problems& problems, const std::string& path, TextPlace place, std::string message
) {
    problems.push_back({path, place.line, place.column, std::move(message)});
}

void read_object_text(
    std::string_view text, const std::string& path, const ObjectSink& sink, Problems& problems
) {
    // A UTF-8 byte order mark is what some editors leave; both formats allow skipping it.
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);
    }
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) {
        problems.push_back({path, 0, 0, "is empty"});
        return;
    }
    const bool is_json = text[first] == '{' || text[first] == '[';
    const std::size_t bytes_max = is_json ? kJsonBytesMax : kYamlBytesMax;
    if (text.size() > bytes_max) {
        problems.push_back(
            {path,
             0,
             0,
             "is " + std::to_string(text.size()) + " bytes; " + (is_json ? "JSON" : "YAML") +
                 " up to " + std::to_string(bytes_max) + " is read" +
                 (is_json ? "" : " (for large clusters use `-o json`)")}
        );
        return;
    }
    is_json ? detail::read_json(text, path, sink, problems)
            : detail::read_yaml(text, path, sink, problems);
}

std::size_t read_object_paths(
    const std::vector<std::string>& paths,
    const ObjectSink& sink,
    const std::function<void(const std::string& path)>& on_file,
    Problems& problems
) {
    std::size_t files = 0;
    for (const std::string& path : paths) {
        for (const std::string& file : files_of(path, problems)) {
            const Result<std::string> text = read_file(file);
            if (!text) {
                problems.push_back({file, 0, 0, text.error().message});
                continue;
            }
            ++files;
            on_file(file);
            read_object_text(text.value(), file, sink, problems);
        }
    }
    return files;
}

}  // namespace sallyport::identity
