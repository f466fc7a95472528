// SPDX-License-Identifier: Apache-2.0
// Text in the shapes `kubectl get -o json` and `-o yaml` give, to one tree an object: single
// objects, v1 List, PodList and its kin, multi-document YAML. A JSON list is read item by item, so
// memory stays at one object whatever the size of the file. The only code here that knows simdjson
// and yaml-cpp.
#pragma once

#include "gateway/identity/object_tree.h"
#include "gateway/model/result.h"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::identity {

/// 200 000 pods of 4 KiB. simdjson itself ends at 4 GiB.
inline constexpr std::size_t kJsonBytesMax = std::size_t{1} << 30U;
/// YAML costs about 20 times its size while it is read, so big clusters are told to use JSON.
inline constexpr std::size_t kYamlBytesMax = std::size_t{64} << 20U;

/// One object handed to the reader's sink; views are valid during the call only.
struct ListedObject {
    ObjectNode node;
    std::string_view kind;         ///< its own, or its list's without "List"
    std::string_view api_version;  ///< its own, or its list's
    std::string where;             ///< "items[3]." for members of lists, else empty
};

using ObjectSink = std::function<void(const ListedObject&)>;

/// Calls `sink` for each object of `text`, in order. What cannot be read is added to `problems`
/// with `path`, line and column; objects before it have been handed over by then. Any thread; keeps
/// nothing.
void read_object_text(
    std::string_view text, const std::string& path, const ObjectSink& sink, Problems& problems
);

/// The same over files and directories (their *.json, *.yaml and *.yml, sorted, not descending).
/// A directory without such files is a problem. Returns the number of files read.
std::size_t read_object_paths(
    const std::vector<std::string>& paths,
    const ObjectSink& sink,
    const std::function<void(const std::string& path)>& on_file,
    Problems& problems
);

/// Adds a problem at a value's place.
void add_problem(Problems& problems, const std::string& path, TextPlace place, std::string message);

namespace detail {
void read_json(std::string_view, const std::string&, const ObjectSink&, Problems&);
void read_yaml(std::string_view, const std::string&, const ObjectSink&, Problems&);
}  // namespace detail

}  // namespace sallyport::identity
