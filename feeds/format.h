// SPDX-License-Identifier: Apache-2.0
// How a feed's lines hold its values. One file a format (format_<name>.cc); what a value means is
// the business of normalise.h. A new format is a class, a line in format.cc and a row in its tests.
#pragma once

#include "feeds/feed.h"
#include "feeds/normalise.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sallyport::feeds {

/// Takes what a format finds in the current line.
class ValueSink {
public:
    ValueSink() = default;
    ValueSink(const ValueSink&) = delete;
    ValueSink& operator=(const ValueSink&) = delete;
    virtual ~ValueSink() = default;

    virtual void value(std::string_view raw, const ValueHint& hint) = 0;
    virtual void skip(SkipReason reason) = 0;
    virtual void bad(std::string_view raw, std::string problem) = 0;
    /// The feed as a whole cannot be read this way.
    virtual void refuse(std::string problem) = 0;
};

class Format {
public:
    Format() = default;
    Format(const Format&) = delete;
    Format& operator=(const Format&) = delete;
    virtual ~Format() = default;

    /// One line without its end, trimmed, not blank. False when it is a comment.
    virtual bool line(std::string_view text, ValueSink& sink) = 0;
    /// How its values are to be read.
    [[nodiscard]] virtual NormaliseRules rules(const FeedSource& source) const;
};

/// The names make_format() knows, "auto" first; for help and messages.
std::span<const std::string_view> format_names() noexcept;

/// Null when there is no such format. "auto" is none: see detect_format().
std::unique_ptr<Format> make_format(std::string_view name, const FeedSource& source);

/// Name of the format that fits the first bytes of a file best.
std::string_view detect_format(std::string_view head, const FeedSource& source);

std::unique_ptr<Format> make_plain_format();
std::unique_ptr<Format> make_hosts_format();
std::unique_ptr<Format> make_maltrail_format();
std::unique_ptr<Format> make_csv_format(const CsvColumns& columns);

/// True when `line` names the columns of a CSV feed, commented or not.
bool is_csv_header(std::string_view line, const CsvColumns& columns);

/// The character between fields.
char csv_delimiter(const CsvColumns& columns) noexcept;

/// `text` up to a comment that begins with white space and `#` or `;`, trimmed.
std::string_view without_comment(std::string_view text) noexcept;

}  // namespace sallyport::feeds
