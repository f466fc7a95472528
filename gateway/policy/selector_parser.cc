// SPDX-License-Identifier: Apache-2.0
// Text to Selector by recursive descent, one function a line of the grammar in calico.md section 3.
#include "gateway/policy/selector.h"

#include <algorithm>
#include <utility>

namespace sallyport::policy {
namespace {

using Node = Selector::Node;
using Kind = Selector::Node::Kind;

bool is_label_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '/' || c == '-';
}

/// What `\b` of Go's regexp counts as part of a word.
bool is_word_byte(char c) {
    return is_label_byte(c) && c != '.' && c != '/' && c != '-';
}

class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    bool parse(Node& out) {
        if (text_.size() > kSelectorBytesMax) {
            at_ = kSelectorBytesMax;
            return fail("selectors are at most " + std::to_string(kSelectorBytesMax) + " bytes");
        }
        skip_blanks();
        if (at_ == text_.size()) {
            return true;  // Empty is all(), the default of Node.
        }
        if (!disjunction(out)) {
            return false;
        }
        return at_ == text_.size() || fail_here("unexpected content at end of selector");
    }

    [[nodiscard]] std::string error() const {
        return "column " + std::to_string(error_at_ + 1) + ": " + error_;
    }

private:
    bool fail(std::string message) {
        error_ = std::move(message);
        error_at_ = at_;
        return false;
    }

    /// Half an operator is its own error wherever it stands, as in Calico's tokenizer.
    bool fail_here(std::string_view message) {
        const std::string_view rest = text_.substr(at_);
        for (const char c : {'=', '&', '|'}) {
            if (rest.starts_with(c) && !(rest.size() > 1 && rest[1] == c)) {
                return fail("expected " + std::string(2, c));
            }
        }
        if ((rest.starts_with('"') || rest.starts_with('\'')) &&
            rest.find(rest.front(), 1) == std::string_view::npos) {
            return fail("unterminated string");
        }
        return fail(std::string(message));
    }

    void skip_blanks() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) {
            ++at_;
        }
    }

    /// Takes `token` and the blanks behind it.
    bool take(std::string_view token) {
        if (!text_.substr(at_).starts_with(token)) {
            return false;
        }
        at_ += token.size();
        skip_blanks();
        return true;
    }

    /// Takes `first`, blanks, `second`, when a word ends there: `not in`, `notin`, `starts  with`.
    bool take_words(std::string_view first, std::string_view second) {
        const std::size_t start = at_;
        if (take(first) && text_.substr(at_).starts_with(second)) {
            const std::size_t end = at_ + second.size();
            if (end == text_.size() || !is_word_byte(text_[end])) {
                at_ = end;
                skip_blanks();
                return true;
            }
        }
        at_ = start;
        return false;
    }

    template <class Operand>
    bool chain(Node& out, Kind kind, std::string_view separator, Operand operand) {
        Node first;
        if (!operand(first)) {
            return false;
        }
        if (!text_.substr(at_).starts_with(separator)) {
            out = std::move(first);
            return true;
        }
        out.kind = kind;
        out.operands.push_back(std::move(first));
        while (take(separator)) {
            Node next;
            if (!operand(next)) {
                return false;
            }
            out.operands.push_back(std::move(next));
        }
        return true;
    }

    bool disjunction(Node& out) {
        return chain(out, Kind::disjunction, "||", [this](Node& n) { return conjunction(n); });
    }

    bool conjunction(Node& out) {
        return chain(out, Kind::conjunction, "&&", [this](Node& n) { return operation(n); });
    }

    bool operation(Node& out) {
        bool negated = false;
        while (text_.substr(at_).starts_with('!') && !text_.substr(at_).starts_with("!=")) {
            take("!");
            negated = !negated;
        }
        Node primary;
        if (!primary_of(primary)) {
            return false;
        }
        if (negated) {
            out.kind = Kind::negation;
            out.operands.push_back(std::move(primary));
        } else {
            out = std::move(primary);
        }
        return true;
    }

    bool primary_of(Node& out) {
        if (take("(")) {
            return disjunction(out) && (take(")") || fail_here("expected )"));
        }
        if (take("all(")) {
            out.kind = Kind::all;
            return take(")") || fail_here("expected )");
        }
        if (take("global(")) {
            out.kind = Kind::global;
            return take(")") || fail_here("expected )");
        }
        if (take("has(")) {
            out.kind = Kind::has;
            return identifier(out.label) && (take(")") || fail_here("expected )"));
        }
        return identifier(out.label) && comparison(out);
    }

    bool identifier(std::string& out) {
        std::size_t end = at_;
        while (end < text_.size() && is_label_byte(text_[end])) {
            ++end;
        }
        if (end == at_) {
            return fail_here("expected identifier");
        }
        if (end - at_ > kSelectorLabelBytesMax) {
            at_ += kSelectorLabelBytesMax;
            return fail("expected operator after label");
        }
        out = text_.substr(at_, end - at_);
        at_ = end;
        skip_blanks();
        return true;
    }

    bool comparison(Node& out) {
        if (take("==")) {
            return compare(out, Kind::equal);
        }
        if (take("!=")) {
            return compare(out, Kind::not_equal);
        }
        if (take_words("", "contains")) {
            return compare(out, Kind::contains);
        }
        if (take_words("starts", "with")) {
            return compare(out, Kind::starts_with);
        }
        if (take_words("ends", "with")) {
            return compare(out, Kind::ends_with);
        }
        if (take_words("not", "in")) {
            return set(out, Kind::not_in);
        }
        if (take_words("", "in")) {
            return set(out, Kind::in);
        }
        return fail_here("expected operator after label");
    }

    bool compare(Node& out, Kind kind) {
        out.kind = kind;
        return string(out.values.emplace_back());
    }

    bool string(std::string& out) {
        const char quote = at_ < text_.size() ? text_[at_] : '\0';
        if (quote != '"' && quote != '\'') {
            return fail_here("expected string");
        }
        const auto end = text_.find(quote, at_ + 1);
        if (end == std::string_view::npos) {
            return fail("unterminated string");
        }
        out = text_.substr(at_ + 1, end - at_ - 1);
        at_ = end + 1;
        skip_blanks();
        return true;
    }

    bool set(Node& out, Kind kind) {
        out.kind = kind;
        if (!take("{")) {
            return fail_here("expected set literal");
        }
        while (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
            if (!string(out.values.emplace_back())) {
                return false;
            }
            if (!take(",")) {
                break;
            }
        }
        if (!take("}")) {
            return fail_here("expected }");
        }
        std::sort(out.values.begin(), out.values.end());
        out.values.erase(std::unique(out.values.begin(), out.values.end()), out.values.end());
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::string error_;
    std::size_t error_at_ = 0;
};

}  // namespace

Result<Selector> Selector::parse(std::string_view text) {
    Parser parser(text);
    Node root;
    if (!parser.parse(root)) {
        return Error{parser.error()};
    }
    return Selector(std::move(root));
}

}  // namespace sallyport::policy
