// SPDX-License-Identifier: Apache-2.0
// YAML through yaml-cpp's events rather than its nodes: the events tell aliases apart, so an alias
// bomb is counted before it is expanded, and keys keep their places.
#include "gateway/identity/object_text.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <map>
#include <sstream>

namespace sallyport::identity {
namespace {

using Kind = ObjectNode::Kind;

TextPlace place_of(const YAML::Mark& mark) {
    return mark.is_null() ? TextPlace{}
                          : TextPlace{
                                static_cast<std::uint32_t>(mark.line + 1),
                                static_cast<std::uint32_t>(mark.column + 1)};
}

struct Refused {
    TextPlace place;
    std::string message;
};

/// Type of a plain scalar by the core schema of YAML 1.2 (section 10.3.2).
Kind plain_kind(std::string_view text) {
    if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
        return Kind::null;
    }
    if (text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False" ||
        text == "FALSE") {
        return Kind::boolean;
    }
    std::string_view digits = text;
    if (digits.front() == '+' || digits.front() == '-') {
        digits.remove_prefix(1);
    }
    // from_chars also takes "inf" and "nan", which are names here.
    if (digits.empty() ||
        !((digits.front() >= '0' && digits.front() <= '9') || digits.front() == '.')) {
        return Kind::string;
    }
    double number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc{} && end == digits.data() + digits.size() ? Kind::number
                                                                        : Kind::string;
}

class TreeHandler final : public YAML::EventHandler {
public:
    ObjectTree tree;

    void OnDocumentStart(const YAML::Mark& mark) override {
        // yaml-cpp 0.7 makes an endless row of empty documents of some stray characters, such as a
        // comma at the top: a document that begins where the one before did has eaten nothing.
        if (mark.pos == document_position_) {
            throw Refused{place_of(mark), "expected a document, not this character"};
        }
        document_position_ = mark.pos;
        tree.clear();
        open_.clear();
        anchors_.clear();
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        scalar(mark, anchor, Kind::null, {});
    }
    void OnScalar(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        const std::string& value
    ) override {
        scalar(mark, anchor, tag == "?" ? plain_kind(value) : Kind::string, value);
    }
    void OnSequenceStart(
        const YAML::Mark& mark,
        const std::string& /*tag*/,
        YAML::anchor_t anchor,
        YAML::EmitterStyle::value /*style*/
    ) override {
        open(mark, anchor, Kind::list);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(
        const YAML::Mark& mark,
        const std::string& /*tag*/,
        YAML::anchor_t anchor,
        YAML::EmitterStyle::value /*style*/
    ) override {
        open(mark, anchor, Kind::map);
    }
    void OnMapEnd() override {
        const ObjectNode twice = tree.duplicate_key(open_.back().index);
        if (twice.exists()) {
            throw Refused{
                twice.key_place(), "key \"" + std::string(twice.key()) + "\" appears twice"};
        }
        close();
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        for (const Open& above : open_) {
            if (found == anchors_.end() || above.index == found->second) {
                throw Refused{place_of(mark), "an alias that contains itself"};
            }
        }
        if (found == anchors_.end()) {
            throw Refused{place_of(mark), "an alias of nothing"};
        }
        if (wants_key()) {
            throw Refused{place_of(mark), "an alias cannot be a key"};
        }
        copy(found->second, open_.empty() ? ObjectTree::kNone : open_.back().index, true);
    }

private:
    struct Open {
        std::uint32_t index = 0;
        bool is_map = false;
        bool has_key = false;
        std::string_view key;
        TextPlace key_place;
    };

    [[nodiscard]] bool wants_key() const {
        return !open_.empty() && open_.back().is_map && !open_.back().has_key;
    }

    std::uint32_t add(ObjectTree::Value value) {
        if (tree.size() >= kObjectValuesMax) {
            throw Refused{value.place, "the document holds too many values"};
        }
        std::uint32_t parent = ObjectTree::kNone;
        if (!open_.empty()) {
            parent = open_.back().index;
            value.key = open_.back().key;
            value.key_place = open_.back().key_place;
            open_.back().has_key = false;
            open_.back().key = {};
        }
        return tree.add(parent, value);
    }

    void scalar(const YAML::Mark& mark, YAML::anchor_t anchor, Kind kind, std::string_view text) {
        if (wants_key()) {
            open_.back().has_key = true;
            open_.back().key = tree.keep(text);
            open_.back().key_place = place_of(mark);
            return;
        }
        ObjectTree::Value value;
        value.kind = kind;
        value.text = tree.keep(text);
        value.place = place_of(mark);
        remember(anchor, add(value));
    }

    void open(const YAML::Mark& mark, YAML::anchor_t anchor, Kind kind) {
        if (wants_key()) {
            throw Refused{place_of(mark), "expected a name, not a map or list, as key"};
        }
        if (open_.size() >= kObjectDepthMax) {
            throw Refused{place_of(mark), "the document is nested too deeply"};
        }
        ObjectTree::Value value;
        value.kind = kind;
        value.place = place_of(mark);
        Open opened;
        opened.index = add(value);
        opened.is_map = kind == Kind::map;
        remember(anchor, opened.index);
        open_.push_back(opened);
    }

    void close() { open_.pop_back(); }

    void remember(YAML::anchor_t anchor, std::uint32_t index) {
        if (anchor != YAML::NullAnchor) {
            anchors_[anchor] = index;
        }
    }

    /// Depth is bounded: what is copied was itself built under kObjectDepthMax.
    void copy(std::uint32_t from, std::uint32_t parent, bool is_top) {
        ObjectTree::Value value = tree[from];
        const std::uint32_t first = value.first_child;
        value.first_child = value.last_child = value.next = ObjectTree::kNone;
        if (tree.size() >= kObjectValuesMax) {
            throw Refused{value.place, "aliases expand to too many values"};
        }
        const std::uint32_t index = is_top ? add(value) : tree.add(parent, value);
        for (std::uint32_t child = first; child != ObjectTree::kNone; child = tree[child].next) {
            copy(child, index, false);
        }
    }

    int document_position_ = -1;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, std::uint32_t> anchors_;
};

void hand_over(const ObjectTree& tree, const ObjectSink& sink) {
    const ObjectNode root = tree.root();
    const std::string_view kind = root["kind"].text();
    const std::string_view version = root["apiVersion"].text();
    const ObjectNode items = root["items"];
    if (!kind.ends_with("List") || !items.is_list()) {
        sink({root, kind, version, {}});
        return;
    }
    std::size_t index = 0;
    for (const ObjectNode item : items) {
        const std::string_view own_kind = item["kind"].text();
        const std::string_view own_version = item["apiVersion"].text();
        sink(
            {item,
             own_kind.empty() ? kind.substr(0, kind.size() - 4) : own_kind,
             own_version.empty() ? version : own_version,
             "items[" + std::to_string(index++) + "]."}
        );
    }
}

}  // namespace

void detail::read_yaml(
    std::string_view text, const std::string& path, const ObjectSink& sink, Problems& problems
) {
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        TreeHandler handler;
        while (parser.HandleNextDocument(handler)) {
            const ObjectNode root = handler.tree.root();
            if (!root.given()) {
                continue;  // An empty document between two `---` is how templates leave things out.
            }
            if (!root.is_map()) {
                throw Refused{root.place(), "expected an object with apiVersion and kind"};
            }
            hand_over(handler.tree, sink);
        }
    } catch (const Refused& refused) {
        add_problem(problems, path, refused.place, refused.message);
    } catch (const YAML::Exception& error) {
        add_problem(problems, path, place_of(error.mark), error.msg);
    }
}

}  // namespace sallyport::identity
