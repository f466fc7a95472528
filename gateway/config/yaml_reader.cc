// SPDX-License-Identifier: Apache-2.0
#include "gateway/config/yaml_reader.h"

#include "gateway/config/config_table.h"
#include "gateway/config/nearest.h"
#include "gateway/config/units.h"
#include "gateway/config/yaml_document.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <vector>

namespace sallyport::config {
namespace {

constexpr std::size_t kProblemsMax = 200;   // more is no help to a reader
constexpr std::size_t kShownBytesMax = 60;  // of a wrong value in a message

/// A value as a message shows it: quoted, shortened, control characters made visible.
std::string in_quotes(std::string_view value) {
    std::string out = "\"";
    for (const char c : value.substr(0, kShownBytesMax)) {
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
    return out + (value.size() > kShownBytesMax ? "...\"" : "\"");
}

std::string joined(std::span<const std::string_view> words) {
    std::string out;
    for (const std::string_view word : words) {
        if (!word.empty()) {
            out += (out.empty() ? "" : ", ") + std::string(word);
        }
    }
    return out;
}

std::string_view kind_of(const YAML::Node& node) {
    switch (node.Type()) {
        case YAML::NodeType::Map:
            return "a map";
        case YAML::NodeType::Sequence:
            return "a list";
        case YAML::NodeType::Scalar:
            return "a single value";
        default:
            return "nothing";
    }
}

bool is_name(std::string_view text) {
    if (text.empty() || text.front() == '.' || text.front() == '-') {
        return false;  // as a file name or an option it would mean something else
    }
    for (const char c : text) {
        const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        if (!fine) {
            return false;
        }
    }
    return true;
}

bool is_host_and_port(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) {
        return false;
    }
    const auto port = parse_number(text.substr(colon + 1));
    const std::string_view host = text.substr(0, colon);
    const bool bracketed = host.front() == '[' && host.back() == ']';
    return port && *port >= 1 && *port <= 65535 &&
           (bracketed || host.find_first_of(":/ ,@") == std::string_view::npos);
}

bool has_control_characters(std::string_view text) {
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            return true;
        }
    }
    return false;
}

template <class... Ts>
struct Overloaded : Ts... {
    using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

class Reader {
public:
    Reader(Config& config, Problems& problems)
        : config_(config),
          problems_(problems),
          folder_(std::filesystem::path(config.path).parent_path()) {}

    void read_map(
        const YAML::Node& node, std::span<const Row> rows, void* target, const std::string& path
    );

private:
    void read_value(const YAML::Node& node, const Row& row, void* target, const std::string& path);
    void read_list(
        const YAML::Node& node,
        const Row& row,
        const ListRef& list,
        void* target,
        const std::string& path
    );
    void report_unknown(const YAML::Node& key, std::span<const Row> rows, const std::string& path);
    void report_missing(
        const YAML::Node& node,
        std::span<const Row> rows,
        const std::set<std::string>& seen,
        const std::string& path
    );

    void store(const YAML::Node& node, const Row& row, std::string& out, const std::string& path);
    void store(const YAML::Node& node, const Row& row, bool& out, const std::string& path);
    void store(const YAML::Node& node, const Row& row, std::uint32_t& out, const std::string& path);
    void store(
        const YAML::Node& node,
        const Row& row,
        std::optional<std::uint32_t>& out,
        const std::string& path
    );
    void store(
        const YAML::Node& node,
        const Row& row,
        std::chrono::milliseconds& out,
        const std::string& path
    );
    void store(const YAML::Node& node, const Row& row, ByteSize& out, const std::string& path);
    void store(
        const YAML::Node& node,
        const Row& row,
        std::vector<std::string>& out,
        const std::string& path
    );
    void store(
        const YAML::Node& node, const Row& row, std::vector<IpAddress>& out, const std::string& path
    );
    void store(
        const YAML::Node& node, const Row& row, std::vector<IpPrefix>& out, const std::string& path
    );
    void store(
        const YAML::Node& node,
        const Row& row,
        std::map<std::string, std::string>& out,
        const std::string& path
    );
    void store_choice(
        const YAML::Node& node,
        const Row& row,
        const ChoiceRef& choice,
        void* target,
        const std::string& path
    );
    void store_text(
        const YAML::Node& node, const Row& row, std::string& out, const std::string& path
    );

    /// The scalar's text, or a problem naming what was expected.
    bool scalar(
        const YAML::Node& node, std::string_view expected, const std::string& path, std::string& out
    );
    /// Calls `one(entry, path)` for each entry of a list within the row's bounds.
    template <class Function>
    void each(
        const YAML::Node& node,
        const Row& row,
        std::string_view expected,
        const std::string& path,
        Function one
    );

    void add(const YAML::Mark& mark, const std::string& path, const std::string& message);
    void remember(const YAML::Mark& mark, const std::string& path);

    Config& config_;
    Problems& problems_;
    std::filesystem::path folder_;
};

void Reader::add(const YAML::Mark& mark, const std::string& path, const std::string& message) {
    if (problems_.size() >= kProblemsMax) {
        return;
    }
    Problem problem;
    problem.path = config_.path;
    if (!mark.is_null()) {
        problem.line = static_cast<std::size_t>(mark.line) + 1;
        problem.column = static_cast<std::size_t>(mark.column) + 1;
    }
    problem.message = path.empty() ? message : path + ": " + message;
    problems_.push_back(std::move(problem));
}

void Reader::remember(const YAML::Mark& mark, const std::string& path) {
    if (!mark.is_null()) {
        config_.places[path] = {
            static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1};
    }
}

void Reader::report_unknown(
    const YAML::Node& key, std::span<const Row> rows, const std::string& path
) {
    std::vector<std::string_view> names;
    for (const Row& row : rows) {
        names.push_back(row.name);
    }
    const std::string_view near = nearest(key.Scalar(), names);
    add(key.Mark(),
        path,
        near.empty() ? "unknown key, expected " + joined(names)
                     : "unknown key, did you mean \"" + std::string(near) + "\"?");
}

void Reader::report_missing(
    const YAML::Node& node,
    std::span<const Row> rows,
    const std::set<std::string>& seen,
    const std::string& path
) {
    for (const Row& row : rows) {
        if (row.required && !seen.contains(std::string(row.name))) {
            std::string message = "missing, expected ";
            message += row.choices.empty() ? std::string(row.help) : joined(row.choices);
            add(node.Mark(), path + "." + std::string(row.name), message);
        }
    }
}

void Reader::read_map(
    const YAML::Node& node, std::span<const Row> rows, void* target, const std::string& path
) {
    if (!node.IsMap()) {
        add(node.Mark(), path, std::string(kind_of(node)) + " stands here, expected a map");
        return;
    }
    std::set<std::string> seen;
    for (const auto& entry : node) {
        if (!entry.first.IsScalar()) {
            add(entry.first.Mark(), path, "a key must be a word");
            continue;
        }
        const std::string& key = entry.first.Scalar();
        const std::string key_path = path.empty() ? key : path + "." + key;
        const auto row =
            std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.name == key; });
        if (row == rows.end()) {
            report_unknown(entry.first, rows, key_path);
            continue;
        }
        if (!seen.insert(key).second) {
            add(entry.first.Mark(), key_path, "written twice, expected once");
            continue;
        }
        read_value(entry.second, *row, target, key_path);
        // The key is what a reader looks for when the value is a whole block.
        remember(entry.second.IsScalar() ? entry.second.Mark() : entry.first.Mark(), key_path);
        if (std::holds_alternative<LaterRef>(row->field)) {
            add(entry.first.Mark(), key_path, "not supported by this version");
        }
    }
    report_missing(node, rows, seen, path);
}

void Reader::read_value(
    const YAML::Node& node, const Row& row, void* target, const std::string& path
) {
    const Overloaded visitor{
        [&]<class T>(const FieldRef<T>& ref) { store(node, row, ref.of(target), path); },
        [&](const ChoiceRef& choice) { store_choice(node, row, choice, target, path); },
        [&](const ListRef& list) { read_list(node, row, list, target, path); },
        [&](const SectionRef& nested) {
            void* section = nested.of(target);
            // `csv:` with everything below it commented out means the same as no `csv:`.
            if (!node.IsNull()) {
                read_map(node, nested.rows, section, path);
            }
        },
        [](const LaterRef&) {},
    };
    std::visit(visitor, row.field);
}

template <class Function>
void Reader::each(
    const YAML::Node& node,
    const Row& row,
    std::string_view expected,
    const std::string& path,
    Function one
) {
    if (!node.IsSequence() && !node.IsNull()) {
        add(node.Mark(),
            path,
            std::string(kind_of(node)) + " stands here, expected a list of " + std::string(expected)
        );
        return;
    }
    const std::size_t size = node.IsNull() ? 0 : node.size();
    if (size < row.range.min || size > row.range.max) {
        add(node.Mark(),
            path,
            std::to_string(size) + " entries are outside " + std::to_string(row.range.min) + "-" +
                std::to_string(row.range.max));
        return;
    }
    std::size_t index = 0;
    for (const auto& entry : node) {
        const std::string entry_path = path + "[" + std::to_string(index++) + "]";
        remember(entry.Mark(), entry_path);
        one(entry, entry_path);
    }
}

void Reader::read_list(
    const YAML::Node& node,
    const Row& row,
    const ListRef& list,
    void* target,
    const std::string& path
) {
    each(node, row, "maps", path, [&](const YAML::Node& entry, const std::string& entry_path) {
        void* item = list.append(target);
        if (list.one_key && entry.IsMap() && entry.size() != 1) {
            std::vector<std::string_view> names;
            for (const Row& kind : list.rows) {
                names.push_back(kind.name);
            }
            add(entry.Mark(),
                entry_path,
                std::to_string(entry.size()) + " keys stand here, expected exactly one of " +
                    joined(names));
            return;
        }
        read_map(entry, list.rows, item, entry_path);
    });
}

bool Reader::scalar(
    const YAML::Node& node, std::string_view expected, const std::string& path, std::string& out
) {
    if (!node.IsScalar()) {
        add(node.Mark(),
            path,
            std::string(kind_of(node)) + " stands here, expected " + std::string(expected));
        return false;
    }
    out = node.Scalar();
    return true;
}

void Reader::store_text(
    const YAML::Node& node, const Row& row, std::string& out, const std::string& path
) {
    std::string text;
    if (!scalar(node, "a text", path, text)) {
        return;
    }
    const std::string shown = row.text == Text::secret ? "the value" : in_quotes(text);
    if (has_control_characters(text)) {
        add(node.Mark(), path, shown + " holds control characters");
        return;
    }
    if (row.text == Text::broker) {
        if (!is_host_and_port(text)) {
            add(node.Mark(), path, shown + " is no broker, expected host:port");
            return;
        }
    } else if (text.size() < row.range.min || text.size() > row.range.max) {
        add(node.Mark(),
            path,
            shown + " has " + std::to_string(text.size()) + " characters, expected " +
                std::to_string(row.range.min) + "-" + std::to_string(row.range.max));
        return;
    }
    if (row.text == Text::name && !is_name(text)) {
        add(node.Mark(),
            path,
            shown +
                " is no name, expected letters, digits, '-', '_' and '.', not beginning with "
                "'-' or '.'");
        return;
    }
    const bool is_path =
        row.text == Text::path || (row.text == Text::secret && row.name != "password_env");
    out = is_path && !text.empty() && text != "-" && text.front() != '/'
              ? (folder_ / text).lexically_normal().string()
              : text;
}

void Reader::store(
    const YAML::Node& node, const Row& row, std::string& out, const std::string& path
) {
    store_text(node, row, out, path);
}

void Reader::store(const YAML::Node& node, const Row&, bool& out, const std::string& path) {
    std::string text;
    if (!scalar(node, "true or false", path, text)) {
        return;
    }
    if (text != "true" && text != "false") {
        add(node.Mark(), path, in_quotes(text) + " is neither, expected true or false");
        return;
    }
    out = text == "true";
}

void Reader::store(
    const YAML::Node& node, const Row& row, std::uint32_t& out, const std::string& path
) {
    std::string text;
    if (!scalar(node, "a number", path, text)) {
        return;
    }
    const std::string range = std::to_string(row.range.min) + "-" + std::to_string(row.range.max);
    const auto number = parse_number(text);
    const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
    if (!number && !digits) {
        add(node.Mark(), path, in_quotes(text) + " is not a number, expected " + range);
    } else if (!number || *number < row.range.min || *number > row.range.max) {
        add(node.Mark(), path, in_quotes(text) + " is outside " + range);
    } else {
        out = static_cast<std::uint32_t>(*number);
    }
}

void Reader::store(
    const YAML::Node& node,
    const Row& row,
    std::optional<std::uint32_t>& out,
    const std::string& path
) {
    if (node.IsScalar() && node.Scalar() == "auto") {
        out.reset();
        return;
    }
    const std::string range = std::to_string(row.range.min) + "-" + std::to_string(row.range.max);
    if (node.IsScalar() && !parse_number(node.Scalar())) {
        add(node.Mark(),
            path,
            in_quotes(node.Scalar()) + " is not a number, expected auto or " + range);
        return;
    }
    std::uint32_t value = 0;
    const std::size_t before = problems_.size();
    store(node, row, value, path);
    if (problems_.size() == before) {
        out = value;
    }
}

void Reader::store(
    const YAML::Node& node, const Row& row, std::chrono::milliseconds& out, const std::string& path
) {
    std::string text;
    if (!scalar(node, "a duration as 200ms or 1h", path, text)) {
        return;
    }
    const auto value = parse_duration(text);
    if (!value) {
        add(node.Mark(),
            path,
            in_quotes(text) +
                " is not a duration, expected a number with ms, s, m, h or d, as 200ms");
        return;
    }
    const auto count = static_cast<std::uint64_t>(value->count());
    if (count < row.range.min || count > row.range.max) {
        const auto bound = [](std::uint64_t ms) {
            return duration_text(std::chrono::milliseconds{static_cast<std::int64_t>(ms)});
        };
        add(node.Mark(),
            path,
            in_quotes(text) + " is outside " + bound(row.range.min) + "-" + bound(row.range.max));
        return;
    }
    out = *value;
}

void Reader::store(const YAML::Node& node, const Row& row, ByteSize& out, const std::string& path) {
    std::string text;
    if (!scalar(node, "a size as 64GiB", path, text)) {
        return;
    }
    const auto value = parse_size(text);
    if (!value) {
        add(node.Mark(),
            path,
            in_quotes(text) +
                " is not a size, expected a number with KiB, MiB, GiB or TiB, as 64GiB");
    } else if (value->bytes < row.range.min || value->bytes > row.range.max) {
        add(node.Mark(),
            path,
            in_quotes(text) + " is outside " + size_text({row.range.min}) + "-" +
                size_text({row.range.max}));
    } else {
        out = *value;
    }
}

void Reader::store(
    const YAML::Node& node, const Row& row, std::vector<std::string>& out, const std::string& path
) {
    each(node, row, "texts", path, [&](const YAML::Node& entry, const std::string& entry_path) {
        // The row's range counts entries; each entry is a text like any other.
        Row one = row;
        one.range = kSomeText;
        store_text(entry, one, out.emplace_back(), entry_path);
    });
}

void Reader::store(
    const YAML::Node& node, const Row& row, std::vector<IpAddress>& out, const std::string& path
) {
    each(node, row, "addresses", path, [&](const YAML::Node& entry, const std::string& entry_path) {
        std::string text;
        if (!scalar(entry, "an address", entry_path, text)) {
            return;
        }
        if (const auto address = IpAddress::parse(text)) {
            out.push_back(*address);
        } else {
            add(entry.Mark(),
                entry_path,
                in_quotes(text) + " is not an address, expected one as 192.0.2.1 or 2001:db8::1");
        }
    });
}

void Reader::store(
    const YAML::Node& node, const Row& row, std::vector<IpPrefix>& out, const std::string& path
) {
    each(node, row, "addresses", path, [&](const YAML::Node& entry, const std::string& entry_path) {
        std::string text;
        if (!scalar(entry, "an address", entry_path, text)) {
            return;
        }
        if (const auto prefix = IpPrefix::parse(text)) {
            out.push_back(*prefix);
        } else {
            add(entry.Mark(),
                entry_path,
                in_quotes(text) +
                    " is not an address with a length, expected one as 192.0.2.1/24 or "
                    "2001:db8::1/64");
        }
    });
}

void Reader::store(
    const YAML::Node& node,
    const Row&,
    std::map<std::string, std::string>& out,
    const std::string& path
) {
    if (!node.IsMap() && !node.IsNull()) {
        add(node.Mark(), path, std::string(kind_of(node)) + " stands here, expected a map");
        return;
    }
    for (const auto& entry : node) {
        if (!entry.first.IsScalar() || !entry.second.IsScalar()) {
            add(entry.first.Mark(), path, "expected words with single values");
            continue;
        }
        const std::string& key = entry.first.Scalar();
        const std::string entry_path = path + "." + key;
        remember(entry.first.Mark(), entry_path);
        if (!out.emplace(key, entry.second.Scalar()).second) {
            add(entry.first.Mark(), entry_path, "written twice, expected once");
        }
    }
}

void Reader::store_choice(
    const YAML::Node& node,
    const Row& row,
    const ChoiceRef& choice,
    void* target,
    const std::string& path
) {
    std::string text;
    if (!scalar(node, "one of " + joined(row.choices), path, text)) {
        return;
    }
    for (std::size_t i = 0; i < row.choices.size(); ++i) {
        if (!text.empty() && row.choices[i] == text) {
            choice.set(target, i);
            return;
        }
    }
    for (const std::string_view later : row.later_choices) {
        if (later == text) {
            add(node.Mark(),
                path,
                in_quotes(text) + " is not supported by this version, expected " +
                    joined(row.choices));
            return;
        }
    }
    const std::string_view near =
        nearest(text, std::vector<std::string_view>(row.choices.begin(), row.choices.end()));
    add(node.Mark(),
        path,
        in_quotes(text) + " is no choice, expected " + joined(row.choices) +
            (near.empty() ? "" : " (did you mean \"" + std::string(near) + "\"?)"));
}

}  // namespace

bool read_yaml(std::string_view text, Config& config, Problems& problems) {
    const std::optional<YAML::Node> document = load_document(text, config.path, problems);
    if (!document) {
        return false;
    }
    try {
        Reader(config, problems).read_map(*document, kConfigRows, &config, "");
        return document->IsMap();
    } catch (const YAML::Exception& error) {
        problems.push_back(yaml_problem(config.path, error));
        return false;
    }
}

}  // namespace sallyport::config
