// SPDX-License-Identifier: Apache-2.0
#include "gateway/config/reference.h"

#include "gateway/config/config_table.h"
#include "gateway/config/units.h"

#include <limits>
#include <memory>

namespace sallyport::config {
namespace {

std::string range_text(const Row& row, std::string (*show)(std::uint64_t)) {
    const bool from_zero = row.range.min == 0;
    if (row.range.max == std::numeric_limits<std::uint64_t>::max()) {
        return from_zero ? "" : "at least " + show(row.range.min);
    }
    return show(row.range.min) + "-" + show(row.range.max);
}

std::string plain(std::uint64_t value) {
    return std::to_string(value);
}
std::string as_size(std::uint64_t value) {
    return size_text({value});
}
std::string as_duration(std::uint64_t value) {
    return duration_text(std::chrono::milliseconds{static_cast<std::int64_t>(value)});
}

/// Fills type, default and range from the field the row is bound to, in a section with its
/// defaults.
struct Describe {
    const Row& row;
    void* section;
    KeyReference& out;

    void operator()(const FieldRef<std::string>& ref) const {
        out.type =
            row.text == Text::path || (row.text == Text::secret && row.name != "password_env")
                ? "path"
                : "text";
        out.default_value = ref.of(section);
    }
    void operator()(const FieldRef<bool>& ref) const {
        out.type = "boolean";
        out.default_value = ref.of(section) ? "true" : "false";
    }
    void operator()(const FieldRef<std::uint32_t>& ref) const {
        out.type = "integer";
        out.default_value = std::to_string(ref.of(section));
        out.range = range_text(row, plain);
    }
    void operator()(const FieldRef<std::optional<std::uint32_t>>& ref) const {
        out.type = "integer";
        out.default_value = ref.of(section) ? std::to_string(*ref.of(section)) : "auto";
        out.range = "auto, " + range_text(row, plain);
    }
    void operator()(const FieldRef<std::chrono::milliseconds>& ref) const {
        out.type = "duration";
        out.default_value = duration_text(ref.of(section));
        out.range = range_text(row, as_duration);
    }
    void operator()(const FieldRef<ByteSize>& ref) const {
        out.type = "size";
        out.default_value = size_text(ref.of(section));
        out.range = range_text(row, as_size);
    }
    void operator()(const FieldRef<std::vector<std::string>>&) const {
        out.type = row.text == Text::path     ? "list of paths"
                   : row.text == Text::broker ? "list of host:port"
                                              : "list of texts";
    }
    void operator()(const FieldRef<std::vector<IpAddress>>&) const {
        out.type = "list of addresses";
    }
    void operator()(const FieldRef<std::vector<IpPrefix>>&) const {
        out.type = "list of addresses with length";
    }
    void operator()(const FieldRef<std::map<std::string, std::string>>&) const { out.type = "map"; }
    void operator()(const ChoiceRef& ref) const {
        out.type = "choice";
        out.default_value = std::string(row.choices[ref.get(section)]);
        for (const std::string_view name : row.choices) {
            if (!name.empty()) {
                out.range += (out.range.empty() ? "" : ", ") + std::string(name);
            }
        }
    }
    void operator()(const SectionRef&) const { out.type = "section"; }
    void operator()(const ListRef&) const { out.type = "list"; }
    void operator()(const LaterRef&) const {
        out.type = "section";
        out.later = true;
    }
};

void add_rows(
    std::span<const Row> rows,
    void* section,
    const std::string& prefix,
    std::vector<KeyReference>& out
) {
    for (const Row& row : rows) {
        KeyReference key;
        key.path = prefix + std::string(row.name);
        key.help = row.help;
        key.required = row.required;
        std::visit(Describe{row, section, key}, row.field);
        const std::string path = key.path;
        out.push_back(std::move(key));
        if (const auto* nested = std::get_if<SectionRef>(&row.field)) {
            add_rows(nested->rows, nested->of(section), path + ".", out);
        } else if (const auto* list = std::get_if<ListRef>(&row.field)) {
            add_rows(list->rows, list->append(section), path + "[].", out);
        }
    }
}

}  // namespace

std::vector<KeyReference> config_reference() {
    Config defaults;
    std::vector<KeyReference> out;
    add_rows(kConfigRows, &defaults, "", out);
    return out;
}

}  // namespace sallyport::config
