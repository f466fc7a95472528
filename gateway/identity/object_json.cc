// SPDX-License-Identifier: Apache-2.0
// JSON through simdjson's on-demand parser, which never holds more than the tape of the text; where
// it only says that something is wrong, nlohmann's parser is asked once more to say where.
#include "gateway/identity/object_text.h"

#include <nlohmann/json.hpp>
#include <simdjson.h>

namespace sallyport::identity {
namespace {

namespace od = simdjson::ondemand;

/// Turns growing offsets into lines and columns in one walk over the text.
class PlaceCursor {
public:
    explicit PlaceCursor(std::string_view text) noexcept : text_(text) {}
    TextPlace at(std::size_t offset) noexcept {
        offset = std::min(offset, text_.size());
        if (offset < offset_) {
            *this = PlaceCursor(text_);
        }
        for (;;) {
            const auto newline = text_.substr(0, offset).find('\n', offset_);
            if (newline == std::string_view::npos) {
                break;
            }
            offset_ = newline + 1;
            line_start_ = offset_;
            ++line_;
        }
        offset_ = offset;
        return {line_, static_cast<std::uint32_t>(offset - line_start_ + 1)};
    }

private:
    std::string_view text_;
    std::size_t offset_ = 0;
    std::size_t line_start_ = 0;
    std::uint32_t line_ = 1;
};

/// Keeps the position of the first syntax error and ignores everything else.
class ErrorFinder final : public nlohmann::json_sax<nlohmann::json> {
public:
    std::size_t position = 0;
    std::string what;

    bool null() override { return true; }
    bool boolean(bool /*value*/) override { return true; }
    bool number_integer(number_integer_t /*value*/) override { return true; }
    bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
    bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
    bool string(string_t& /*value*/) override { return true; }
    bool binary(binary_t& /*value*/) override { return true; }
    bool start_object(std::size_t /*size*/) override { return true; }
    bool key(string_t& /*value*/) override { return true; }
    bool end_object() override { return true; }
    bool start_array(std::size_t /*size*/) override { return true; }
    bool end_array() override { return true; }
    bool parse_error(
        std::size_t at, const std::string& /*last_token*/, const nlohmann::json::exception& error
    ) override {
        position = at;
        what = error.what();
        // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ..."
        const auto colon = what.find(": ");
        if (colon != std::string::npos) {
            what.erase(0, colon + 2);
        }
        return false;
    }
};

class JsonReader {
public:
    JsonReader(
        std::string_view text, const std::string& path, const ObjectSink& sink, Problems& out
    )
        : padded_(text),
          path_(path),
          sink_(sink),
          problems_(out),
          cursor_(view()) {}

    void run() {
        const simdjson::error_code error = read();
        if (error != simdjson::SUCCESS) {
            report(error);
            return;
        }
        // Only a document with something behind it still has a location.
        const char* here = nullptr;
        if (document_.current_location().get(here) == simdjson::SUCCESS) {
            add_problem(
                problems_,
                path_,
                cursor_.at(offset_of(here)),
                "unexpected content after the JSON document (several documents go into one List)"
            );
        }
    }

private:
    [[nodiscard]] std::string_view view() const { return {padded_.data(), padded_.size()}; }
    [[nodiscard]] std::size_t offset_of(const char* token) const {
        return static_cast<std::size_t>(token - padded_.data());
    }

    simdjson::error_code read();
    simdjson::error_code read_head(bool& has_items);
    simdjson::error_code read_items(od::array items);
    simdjson::error_code add(
        od::value value, std::uint32_t parent, ObjectTree::Value entry, std::size_t depth
    );
    simdjson::error_code add_map(od::object map, std::uint32_t index, std::size_t depth);
    simdjson::error_code add_list(od::array list, std::uint32_t index, std::size_t depth);
    simdjson::error_code refuse(TextPlace place, std::string message);
    void report(simdjson::error_code error);
    void hand_over(const std::string& where);

    simdjson::padded_string padded_;
    const std::string& path_;
    const ObjectSink& sink_;
    Problems& problems_;
    PlaceCursor cursor_;
    od::parser parser_;
    od::document document_;
    ObjectTree tree_;
    std::string list_kind_;
    std::string list_version_;
    std::size_t last_offset_ = 0;
    bool reported_ = false;
};

simdjson::error_code JsonReader::refuse(TextPlace place, std::string message) {
    reported_ = true;
    add_problem(problems_, path_, place, std::move(message));
    return simdjson::TAPE_ERROR;
}

void JsonReader::report(simdjson::error_code error) {
    if (reported_) {
        return;
    }
    ErrorFinder finder;
    if (!nlohmann::json::sax_parse(view(), &finder) && !finder.what.empty()) {
        const std::size_t at = finder.position == 0 ? 0 : finder.position - 1;
        add_problem(problems_, path_, PlaceCursor(view()).at(at), finder.what);
        return;
    }
    add_problem(
        problems_, path_, cursor_.at(last_offset_), std::string(simdjson::error_message(error))
    );
}

simdjson::error_code JsonReader::read() {
    if (const auto error = parser_.iterate(padded_).get(document_)) {
        return error;
    }
    bool has_items = false;
    if (const auto error = read_head(has_items)) {
        return error;
    }
    document_.rewind();
    od::object top;
    if (const auto error = document_.get_object().get(top)) {
        return error;
    }
    if (!has_items || !list_kind_.ends_with("List")) {
        tree_.clear();
        ObjectTree::Value root;
        root.kind = ObjectNode::Kind::map;
        root.place = cursor_.at(view().find('{'));
        tree_.add(ObjectTree::kNone, root);
        if (const auto error = add_map(top, 0, 1)) {
            return error;
        }
        list_kind_.clear();
        list_version_.clear();
        hand_over({});
        return simdjson::SUCCESS;
    }
    for (auto field : top) {
        std::string_view key;
        if (const auto error = field.unescaped_key().get(key)) {
            return error;
        }
        if (key != "items") {
            continue;
        }
        od::array items;
        if (const auto error = field.value().get_array().get(items)) {
            return error;
        }
        if (const auto error = read_items(items)) {
            return error;
        }
    }
    return simdjson::SUCCESS;
}

/// Kind and version may follow `items` (kubectl sorts its keys), hence this first walk.
simdjson::error_code JsonReader::read_head(bool& has_items) {
    od::json_type type{};
    if (const auto error = document_.type().get(type)) {
        return error;
    }
    if (type != od::json_type::object) {
        return refuse(cursor_.at(0), "expected an object at the top: a Kubernetes object or List");
    }
    od::object top;
    if (const auto error = document_.get_object().get(top)) {
        return error;
    }
    for (auto field : top) {
        std::string_view key;
        od::value value;
        od::json_type value_type{};
        if (const auto error = field.unescaped_key().get(key)) {
            return error;
        }
        const bool is_kind = key == "kind";
        const bool is_version = key == "apiVersion";
        const bool is_items = key == "items";
        if (!is_kind && !is_version && !is_items) {
            continue;
        }
        if (const auto error = field.value().get(value)) {
            return error;
        }
        if (const auto error = value.type().get(value_type)) {
            return error;
        }
        has_items = has_items || (is_items && value_type == od::json_type::array);
        if (!is_items && value_type == od::json_type::string) {
            std::string_view text;
            if (const auto error = value.get_string().get(text)) {
                return error;
            }
            (is_kind ? list_kind_ : list_version_) = text;
        }
    }
    return simdjson::SUCCESS;
}

simdjson::error_code JsonReader::read_items(od::array items) {
    std::size_t index = 0;
    for (auto item : items) {
        od::value value;
        if (const auto error = item.get(value)) {
            return error;
        }
        tree_.clear();
        if (const auto error = add(value, ObjectTree::kNone, {}, 1)) {
            return error;
        }
        hand_over("items[" + std::to_string(index++) + "].");
    }
    return simdjson::SUCCESS;
}

void JsonReader::hand_over(const std::string& where) {
    const ObjectNode root = tree_.root();
    ListedObject object{root, root["kind"].text(), root["apiVersion"].text(), where};
    if (object.kind.empty() && list_kind_.size() > 4) {
        object.kind = std::string_view(list_kind_).substr(0, list_kind_.size() - 4);
    }
    if (object.api_version.empty()) {
        object.api_version = list_version_;
    }
    sink_(object);
}

simdjson::error_code JsonReader::add_map(od::object map, std::uint32_t index, std::size_t depth) {
    for (auto field : map) {
        od::field member;
        if (const auto error = std::move(field).get(member)) {
            return error;
        }
        ObjectTree::Value entry;
        // raw() points behind the opening quote, which is where the key's column is.
        last_offset_ = offset_of(member.key().raw()) - 1;
        entry.key_place = cursor_.at(last_offset_);
        if (const auto error = member.unescaped_key().get(entry.key)) {
            return error;
        }
        if (const auto error = add(member.value(), index, entry, depth + 1)) {
            return error;
        }
    }
    const ObjectNode twice = tree_.duplicate_key(index);
    if (twice.exists()) {
        return refuse(twice.key_place(), "key \"" + std::string(twice.key()) + "\" appears twice");
    }
    return simdjson::SUCCESS;
}

simdjson::error_code JsonReader::add_list(od::array list, std::uint32_t index, std::size_t depth) {
    for (auto element : list) {
        od::value inner;
        if (const auto error = element.get(inner)) {
            return error;
        }
        if (const auto error = add(inner, index, {}, depth + 1)) {
            return error;
        }
    }
    return simdjson::SUCCESS;
}

simdjson::error_code JsonReader::add(
    od::value value, std::uint32_t parent, ObjectTree::Value entry, std::size_t depth
) {
    const char* here = nullptr;
    if (const auto error = value.current_location().get(here)) {
        return error;
    }
    const std::string_view token = value.raw_json_token();
    last_offset_ = offset_of(token.data());
    entry.place = cursor_.at(last_offset_);
    if (depth > kObjectDepthMax || tree_.size() >= kObjectValuesMax) {
        return refuse(entry.place, "the object is nested too deeply or holds too many values");
    }
    od::json_type type{};
    if (const auto error = value.type().get(type)) {
        return error;
    }
    switch (type) {
        case od::json_type::object: {
            entry.kind = ObjectNode::Kind::map;
            const std::uint32_t index = tree_.add(parent, entry);
            od::object map;
            const auto error = value.get_object().get(map);
            return error != simdjson::SUCCESS ? error : add_map(map, index, depth);
        }
        case od::json_type::array: {
            entry.kind = ObjectNode::Kind::list;
            const std::uint32_t index = tree_.add(parent, entry);
            od::array list;
            const auto error = value.get_array().get(list);
            return error != simdjson::SUCCESS ? error : add_list(list, index, depth);
        }
        case od::json_type::string:
            entry.kind = ObjectNode::Kind::string;
            if (const auto error = value.get_string().get(entry.text)) {
                return error;
            }
            break;
        case od::json_type::number: {
            double number = 0;
            entry.kind = ObjectNode::Kind::number;
            if (const auto error = value.get_double().get(number)) {
                return error;
            }
            entry.text = token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
            break;
        }
        case od::json_type::boolean: {
            bool yes = false;
            entry.kind = ObjectNode::Kind::boolean;
            if (const auto error = value.get_bool().get(yes)) {
                return error;
            }
            entry.text = yes ? "true" : "false";
            break;
        }
        case od::json_type::null: {
            bool is_null = false;
            if (const auto error = value.is_null().get(is_null)) {
                return error;
            }
            if (!is_null) {
                return simdjson::N_ATOM_ERROR;
            }
            break;
        }
    }
    tree_.add(parent, entry);
    return simdjson::SUCCESS;
}

}  // namespace

void detail::read_json(
    std::string_view text, const std::string& path, const ObjectSink& sink, Problems& problems
) {
    JsonReader(text, path, sink, problems).run();
}

}  // namespace sallyport::identity
