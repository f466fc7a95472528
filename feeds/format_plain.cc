// SPDX-License-Identifier: Apache-2.0
// plain: one indicator a line; `#` and `;` begin comments. A number after white space (how many
// lists hold the address: IPsum) is passed over. maltrail: the same, but mixed by people for
// another program (stamparm/maltrail trails/static):
// `/x` is a path of a URL and regular expressions stand bare.
#include "feeds/format.h"

namespace sallyport::feeds {
namespace {

bool is_comment(std::string_view text) noexcept {
    return text.starts_with('#') || text.starts_with(';');
}

class PlainFormat : public Format {
public:
    bool line(std::string_view text, ValueSink& sink) override {
        if (is_comment(text)) {
            return false;
        }
        text = without_comment(text);
        const auto space = text.find_first_of(" \t");
        if (space == std::string_view::npos) {
            sink.value(text, {});
            return true;
        }
        const std::string_view rest = trim(text.substr(space));
        if (rest.find_first_not_of("0123456789") == std::string_view::npos) {
            sink.value(text.substr(0, space), {});
        } else {
            sink.bad(text, "more than one value on a line");
        }
        return true;
    }
};

class MaltrailFormat final : public PlainFormat {
public:
    bool line(std::string_view text, ValueSink& sink) override {
        // Paths are as their authors named them, with spaces too.
        if (text.starts_with('/')) {
            sink.skip(SkipReason::url_path);
            return true;
        }
        return PlainFormat::line(text, sink);
    }
    [[nodiscard]] NormaliseRules rules(const FeedSource& source) const override {
        NormaliseRules rules = Format::rules(source);
        rules.slashes_quote_expressions = false;
        rules.bare_expressions = true;
        return rules;
    }
};

}  // namespace

std::unique_ptr<Format> make_plain_format() {
    return std::make_unique<PlainFormat>();
}
std::unique_ptr<Format> make_maltrail_format() {
    return std::make_unique<MaltrailFormat>();
}

}  // namespace sallyport::feeds
