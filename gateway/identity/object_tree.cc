// SPDX-License-Identifier: Apache-2.0
#include "gateway/identity/object_tree.h"

#include <algorithm>
#include <utility>

namespace sallyport::identity {

ObjectNode::Kind ObjectNode::kind() const noexcept {
    return tree_ == nullptr ? Kind::absent : (*tree_)[index_].kind;
}

std::string_view ObjectNode::text() const noexcept {
    return tree_ == nullptr ? std::string_view{} : (*tree_)[index_].text;
}

std::string_view ObjectNode::key() const noexcept {
    return tree_ == nullptr ? std::string_view{} : (*tree_)[index_].key;
}

TextPlace ObjectNode::place() const noexcept {
    return tree_ == nullptr ? TextPlace{} : (*tree_)[index_].place;
}

TextPlace ObjectNode::key_place() const noexcept {
    return tree_ == nullptr ? TextPlace{} : (*tree_)[index_].key_place;
}

ObjectNode ObjectNode::operator[](std::string_view key) const noexcept {
    if (kind() == Kind::map) {
        for (ObjectNode child : *this) {
            if (child.key() == key) {
                return child;
            }
        }
    }
    return {};
}

std::size_t ObjectNode::size() const noexcept {
    std::size_t count = 0;
    for (auto it = begin(); !(it == end()); ++it) {
        ++count;
    }
    return count;
}

ObjectNode::Iterator& ObjectNode::Iterator::operator++() noexcept {
    index_ = (*tree_)[index_].next;
    return *this;
}

ObjectNode::Iterator ObjectNode::begin() const noexcept {
    return {tree_, tree_ == nullptr ? ObjectTree::kNone : (*tree_)[index_].first_child};
}

ObjectNode::Iterator ObjectNode::end() const noexcept {
    return {tree_, ObjectTree::kNone};
}

std::uint32_t ObjectTree::add(std::uint32_t parent, const Value& value) {
    const auto index = static_cast<std::uint32_t>(values_.size());
    values_.push_back(value);
    if (parent != kNone) {
        Value& above = values_[parent];
        if (above.last_child == kNone) {
            above.first_child = index;
        } else {
            values_[above.last_child].next = index;
        }
        above.last_child = index;
    }
    return index;
}

ObjectNode ObjectTree::duplicate_key(std::uint32_t map) const {
    // Objects have a handful of keys: comparing all pairs is cheaper than a set. Large maps (labels
    // of a hostile file) are sorted instead.
    constexpr std::size_t kPairwiseMax = 24;
    std::vector<std::pair<std::string_view, std::uint32_t>> keys;
    std::size_t count = 0;
    for (std::uint32_t a = values_[map].first_child; a != kNone; a = values_[a].next) {
        if (++count > kPairwiseMax) {
            break;
        }
        for (std::uint32_t b = values_[map].first_child; b != a; b = values_[b].next) {
            if (values_[a].key == values_[b].key) {
                return {this, a};
            }
        }
    }
    if (count <= kPairwiseMax) {
        return {};
    }
    for (std::uint32_t a = values_[map].first_child; a != kNone; a = values_[a].next) {
        keys.emplace_back(values_[a].key, a);
    }
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(
        keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.first == b.first; }
    );
    return twice == keys.end() ? ObjectNode{} : ObjectNode{this, std::next(twice)->second};
}

}  // namespace sallyport::identity
