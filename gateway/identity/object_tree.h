// SPDX-License-Identifier: Apache-2.0
// One Kubernetes object as text gave it, JSON or YAML alike: a flat tree in which every value knows
// its line and column. Filled by object_text.h, read by the parsers of pods and of policies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::identity {

/// Deepest nesting of an object. Kubernetes objects stay under 20; the bound keeps recursion flat.
inline constexpr std::size_t kObjectDepthMax = 64;
/// Most values in one object or YAML document, aliases expanded: stops alias bombs.
inline constexpr std::size_t kObjectValuesMax = 4U << 20U;

/// Line and column count from 1; 0 is unknown.
struct TextPlace {
    std::uint32_t line = 0;
    std::uint32_t column = 0;
};

class ObjectTree;

/// A cheap handle to one value of a tree; valid while the tree lives unchanged. An absent value is
/// a legal handle: its kind is `absent`, its text empty, and it has no children.
class ObjectNode {
public:
    enum class Kind : std::uint8_t { absent, null, boolean, number, string, map, list };

    ObjectNode() = default;
    ObjectNode(const ObjectTree* tree, std::uint32_t index) noexcept : tree_(tree), index_(index) {}

    [[nodiscard]] Kind kind() const noexcept;
    [[nodiscard]] bool exists() const noexcept { return tree_ != nullptr; }
    /// True for a value that is there and not null.
    [[nodiscard]] bool given() const noexcept {
        return kind() != Kind::absent && kind() != Kind::null;
    }
    [[nodiscard]] bool is_map() const noexcept { return kind() == Kind::map; }
    [[nodiscard]] bool is_list() const noexcept { return kind() == Kind::list; }
    [[nodiscard]] bool is_string() const noexcept { return kind() == Kind::string; }
    /// Text of a scalar as written (unescaped); empty for maps and lists.
    [[nodiscard]] std::string_view text() const noexcept;
    /// Name under which this value stands in its map.
    [[nodiscard]] std::string_view key() const noexcept;
    [[nodiscard]] TextPlace place() const noexcept;
    [[nodiscard]] TextPlace key_place() const noexcept;
    /// Member of a map; absent when there is none.
    [[nodiscard]] ObjectNode operator[](std::string_view key) const noexcept;
    [[nodiscard]] std::size_t size() const noexcept;

    class Iterator {
    public:
        using value_type = ObjectNode;
        using difference_type = std::ptrdiff_t;
        Iterator(const ObjectTree* tree, std::uint32_t index) noexcept
            : tree_(tree),
              index_(index) {}
        ObjectNode operator*() const noexcept { return {tree_, index_}; }
        Iterator& operator++() noexcept;
        friend bool operator==(const Iterator& a, const Iterator& b) noexcept {
            return a.index_ == b.index_;
        }

    private:
        const ObjectTree* tree_;
        std::uint32_t index_;
    };
    /// Members of a map or elements of a list, as written.
    [[nodiscard]] Iterator begin() const noexcept;
    [[nodiscard]] Iterator end() const noexcept;

private:
    const ObjectTree* tree_ = nullptr;
    std::uint32_t index_ = 0;
};

/// The values of one object, in one vector that is reused from object to object.
class ObjectTree {
public:
    static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

    struct Value {
        std::string_view key;
        std::string_view text;  ///< views into the reader's buffer or into `kept_`
        TextPlace key_place;
        TextPlace place;
        std::uint32_t first_child = kNone;
        std::uint32_t last_child = kNone;
        std::uint32_t next = kNone;
        ObjectNode::Kind kind = ObjectNode::Kind::null;
    };

    void clear() {
        values_.clear();
        kept_.clear();
    }
    [[nodiscard]] bool empty() const noexcept { return values_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }
    [[nodiscard]] ObjectNode root() const noexcept {
        return values_.empty() ? ObjectNode{} : ObjectNode{this, 0};
    }
    [[nodiscard]] const Value& operator[](std::uint32_t index) const noexcept {
        return values_[index];
    }
    /// Appends `value` under `parent` (kNone: the root) and returns its index.
    std::uint32_t add(std::uint32_t parent, const Value& value);
    /// Keeps a copy of `text` for as long as the tree is not cleared.
    std::string_view keep(std::string_view text) { return kept_.emplace_back(text); }
    /// First key that a map holds twice, as a member of it; absent when all differ.
    [[nodiscard]] ObjectNode duplicate_key(std::uint32_t map) const;

private:
    std::vector<Value> values_;
    std::deque<std::string> kept_;
};

}  // namespace sallyport::identity
