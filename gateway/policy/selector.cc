// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/selector.h"

#include <algorithm>
#include <utility>

namespace sallyport::policy {
namespace {

using Node = Selector::Node;
using Kind = Selector::Node::Kind;

bool evaluate(const Node& node, const Labels& labels) {
    switch (node.kind) {
        case Kind::all:
        case Kind::global:
            return true;
        case Kind::negation:
            return !evaluate(node.operands.front(), labels);
        case Kind::conjunction:
            return std::all_of(node.operands.begin(), node.operands.end(), [&](const Node& each) {
                return evaluate(each, labels);
            });
        case Kind::disjunction:
            return std::any_of(node.operands.begin(), node.operands.end(), [&](const Node& each) {
                return evaluate(each, labels);
            });
        default:
            break;
    }
    const auto found = labels.find(node.label);
    const bool present = found != labels.end();
    const auto holds = [&](auto&& test) { return present && test(found->second); };
    const auto among = [&](const std::string& value) {
        return std::binary_search(node.values.begin(), node.values.end(), value);
    };
    switch (node.kind) {
        case Kind::has:
            return present;
        case Kind::equal:
        case Kind::in:
            return holds(among);
        case Kind::not_equal:
        case Kind::not_in:
            return !holds(among);
        case Kind::contains:
            return holds([&](const std::string& value) {
                return value.find(node.values.front()) != std::string::npos;
            });
        case Kind::starts_with:
            return holds([&](const std::string& value) {
                return value.starts_with(node.values.front());
            });
        default:
            return holds([&](const std::string& value) {
                return value.ends_with(node.values.front());
            });
    }
}

void print_value(const std::string& value, std::string& out) {
    const char quote = value.find('"') == std::string::npos ? '"' : '\'';
    out += quote;
    out += value;
    out += quote;
}

std::string_view operator_of(Kind kind) {
    switch (kind) {
        case Kind::equal:
            return " == ";
        case Kind::not_equal:
            return " != ";
        case Kind::contains:
            return " contains ";
        case Kind::starts_with:
            return " starts with ";
        case Kind::ends_with:
            return " ends with ";
        case Kind::in:
            return " in ";
        default:
            return " not in ";
    }
}

void print(const Node& node, std::string& out) {
    switch (node.kind) {
        case Kind::all:
            out += "all()";
            return;
        case Kind::global:
            out += "global()";
            return;
        case Kind::has:
            out += "has(" + node.label + ')';
            return;
        case Kind::negation:
            out += '!';
            print(node.operands.front(), out);
            return;
        case Kind::conjunction:
        case Kind::disjunction:
            out += '(';
            for (std::size_t i = 0; i < node.operands.size(); ++i) {
                if (i != 0) {
                    out += node.kind == Kind::conjunction ? " && " : " || ";
                }
                print(node.operands[i], out);
            }
            out += ')';
            return;
        case Kind::in:
        case Kind::not_in:
            out += node.label;
            out += operator_of(node.kind);
            out += '{';
            for (std::size_t i = 0; i < node.values.size(); ++i) {
                out += i == 0 ? "" : ", ";
                print_value(node.values[i], out);
            }
            out += '}';
            return;
        default:
            out += node.label;
            out += operator_of(node.kind);
            print_value(node.values.front(), out);
    }
}

void add_prefix(Node& node, std::string_view prefix) {
    if (!node.label.empty()) {
        node.label.insert(0, prefix);
    }
    for (Node& operand : node.operands) {
        add_prefix(operand, prefix);
    }
}

bool has_global(const Node& node) noexcept {
    return node.kind == Kind::global ||
           std::any_of(node.operands.begin(), node.operands.end(), has_global);
}

void labels_of(const Node& node, std::set<std::string>& out) {
    if (!node.label.empty()) {
        out.insert(node.label);
    }
    for (const Node& operand : node.operands) {
        labels_of(operand, out);
    }
}

Node leaf(Kind kind, std::string_view label, std::vector<std::string> values = {}) {
    Node node;
    node.kind = kind;
    node.label = label;
    node.values = std::move(values);
    std::sort(node.values.begin(), node.values.end());
    node.values.erase(std::unique(node.values.begin(), node.values.end()), node.values.end());
    return node;
}

}  // namespace

Selector::Selector() = default;
Selector::Selector(Node root) : root_(std::move(root)) {}
Selector Selector::all() {
    return {};
}
Selector Selector::has(std::string_view label) {
    return Selector(leaf(Kind::has, label));
}
Selector Selector::equals(std::string_view label, std::string_view value) {
    return Selector(leaf(Kind::equal, label, {std::string(value)}));
}
Selector Selector::in(std::string_view label, std::vector<std::string> values) {
    return Selector(leaf(Kind::in, label, std::move(values)));
}
Selector Selector::negated(Selector operand) {
    Node node;
    node.kind = Kind::negation;
    node.operands.push_back(std::move(operand.root_));
    return Selector(std::move(node));
}
Selector Selector::both(Selector a, Selector b) {
    if (a.is_all()) {
        return b;
    }
    if (b.is_all()) {
        return a;
    }
    Node node;
    node.kind = Kind::conjunction;
    node.operands.push_back(std::move(a.root_));
    node.operands.push_back(std::move(b.root_));
    return Selector(std::move(node));
}

bool Selector::matches(const Labels& labels) const {
    return evaluate(root_, labels);
}

std::string Selector::text() const {
    std::string out;
    print(root_, out);
    return out;
}

bool Selector::is_all() const noexcept {
    return root_.kind == Kind::all;
}
bool Selector::is_global() const noexcept {
    return root_.kind == Kind::global;
}
bool Selector::mentions_global() const noexcept {
    return has_global(root_);
}

Selector Selector::with_label_prefix(std::string_view prefix) const {
    Selector out = *this;
    add_prefix(out.root_, prefix);
    return out;
}

void Selector::collect_labels(std::set<std::string>& out) const {
    labels_of(root_, out);
}

}  // namespace sallyport::policy
