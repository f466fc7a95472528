// SPDX-License-Identifier: Apache-2.0
#include "feeds/normalise.h"

#include "classifier/address_set.h"
#include "classifier/pattern_set.h"
#include "feeds/guard_rails.h"
#include "gateway/model/domain_name.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <idn2.h>
#include <optional>

namespace sallyport::feeds {
namespace {

constexpr std::string_view kWhite = " \t\r\n\v\f";

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_hex(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool all_digits(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, is_digit);
}
bool has_non_ascii(std::string_view text) noexcept {
    return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}
char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
bool starts_with_folded(std::string_view text, std::string_view prefix) noexcept {
    return text.size() >= prefix.size() &&
           std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) {
               return a == lower(b);
           });
}

std::optional<std::uint16_t> port_of(std::string_view text) noexcept {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0 || port > 65535) {
        return std::nullopt;
    }
    return static_cast<std::uint16_t>(port);
}

Normalised from_address(const IpPrefix& written, std::uint16_t port) {
    Normalised out;
    out.outcome = Outcome::indicator;
    IpPrefix prefix = written.canonical();
    // v4-mapped and NAT64 forms of an IPv4 destination mean that destination.
    if (const auto inner = classifier::embedded_v4(prefix.address); inner && prefix.length >= 96) {
        prefix = {*inner, static_cast<std::uint8_t>(prefix.length - 96)};
    }
    out.indicator.prefix = prefix;
    out.indicator.port = port;
    out.indicator.type = IndicatorType::prefix;
    if (prefix.length == prefix.address.bits()) {
        out.indicator.type = port != 0 ? IndicatorType::address_port : IndicatorType::address;
    } else if (port != 0) {
        return Normalised::bad("a port needs one address, not a prefix");
    }
    return out;
}

// `a.b.c.d`, `a.b.c.d/n`, `a.b.c.d:port`, `v6`, `v6/n`, `[v6]`, `[v6]:port`. Nothing when the text
// is none of these; a name then, perhaps.
std::optional<Normalised> as_address(std::string_view text, std::uint16_t port) {
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) {
            return std::nullopt;
        }
        std::string_view inner = text.substr(1, close - 1);
        const std::string_view rest = text.substr(close + 1);
        const auto address = IpAddress::parse(inner);
        if (!address || !address->is_v6()) {
            return std::nullopt;
        }
        if (!rest.empty()) {
            const auto written = rest.starts_with(':') ? port_of(rest.substr(1)) : std::nullopt;
            if (!written) {
                return Normalised::bad("not a port after the address");
            }
            port = *written;
        }
        return from_address({*address, 128}, port);
    }
    const auto colon = text.find(':');
    const bool v6 = colon != std::string_view::npos && text.find(':', colon + 1) != text.npos;
    if (const auto scope = text.find('%'); v6 && scope != std::string_view::npos) {
        return IpAddress::parse(text.substr(0, scope))
                   ? std::optional(Normalised::skipped(SkipReason::scoped_address))
                   : std::nullopt;
    }
    if (!v6 && (text.empty() || !is_digit(text.front()) || !is_digit(text.back()))) {
        return std::nullopt;
    }
    if (!v6 && colon != std::string_view::npos) {
        const auto address = IpAddress::parse(text.substr(0, colon));
        if (!address) {
            return std::nullopt;
        }
        const auto written = port_of(text.substr(colon + 1));
        return written ? from_address({*address, 32}, *written)
                       : Normalised::bad("not a port after the address");
    }
    const auto prefix = IpPrefix::parse(text);
    if (!prefix) {
        const auto slash = text.find('/');
        if (slash != std::string_view::npos && all_digits(text.substr(slash + 1)) &&
            IpAddress::parse(text.substr(0, slash))) {
            return Normalised::bad("no prefix has that length");
        }
        return std::nullopt;
    }
    return from_address(*prefix, port);
}

bool is_file_hash(std::string_view text) noexcept {
    constexpr std::array<std::size_t, 4> kSizes{32, 40, 64, 128};  // MD5, SHA-1, SHA-256, SHA-512
    return std::ranges::find(kSizes, text.size()) != kSizes.end() &&
           std::ranges::all_of(text, is_hex);
}

// A-labels of a name with other letters (UTS #46, not transitional), or as it is.
std::optional<std::string> to_ascii(std::string_view name) {
    if (!has_non_ascii(name)) {
        return std::string(name);
    }
    char* out = nullptr;
    const int result =
        idn2_to_ascii_8z(std::string(name).c_str(), &out, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
    if (result != IDN2_OK) {
        return std::nullopt;
    }
    std::string ascii = out;
    idn2_free(out);
    return ascii;
}

Normalised as_name(std::string_view text, IndicatorType type) {
    const bool dotted = text.starts_with('.');
    while (text.starts_with('.')) {
        text.remove_prefix(1);
        type = IndicatorType::suffix;
    }
    if (is_file_hash(text)) {
        return Normalised::skipped(SkipReason::file_hash);
    }
    const auto ascii = to_ascii(text);
    if (!ascii) {
        return Normalised::bad("not a name: not to be written in the domain name system");
    }
    Normalised out;
    out.indicator.text = canonical_name(*ascii);
    const std::string& name = out.indicator.text;
    if (name.empty()) {
        return Normalised::bad("not an address, a prefix, a name or a URL");
    }
    const auto dot = name.rfind('.');
    const std::string_view last = std::string_view(name).substr(dot + 1);  // npos + 1 is 0
    if (all_digits(last)) {
        return Normalised::bad("neither an address nor a name: it ends in a number");
    }
    if (dot == std::string::npos && !dotted && !is_top_level_domain(name)) {
        return name == "localhost" || name == "local"
                   ? Normalised::skipped(SkipReason::local_name)
                   : Normalised::bad("a single word that is not a top-level domain is not a name");
    }
    out.outcome = Outcome::indicator;
    out.indicator.type = type;
    return out;
}

Normalised as_pattern(std::string_view text, PatternKind kind) {
    Normalised out;
    out.indicator.text = text;
    if (std::ranges::any_of(text, [](char c) { return c < 0x20 || c > 0x7e; })) {
        return Normalised::bad("a pattern holds printable ASCII only");
    }
    if (kind == PatternKind::wildcard) {
        std::ranges::transform(text, out.indicator.text.begin(), lower);
        const bool plain = std::ranges::all_of(out.indicator.text, [](char c) {
            return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.' ||
                   c == '*' || c == '?';
        });
        if (!plain) {
            return Normalised::bad("a wildcard holds letters, digits, '-', '_', '.', '*' and '?'");
        }
    }
    if (auto problem = classifier::pattern_problem({out.indicator.text, kind})) {
        return Normalised::bad(std::move(*problem));
    }
    out.outcome = Outcome::indicator;
    out.indicator.type = IndicatorType::pattern;
    out.indicator.pattern = kind;
    return out;
}

Normalised as_wildcard(std::string_view text, const NormaliseRules& rules) {
    const std::string_view rest = text.starts_with("*.") ? text.substr(2) : std::string_view();
    if (!rest.empty() && rest.find_first_of("*?") == std::string_view::npos) {
        const IndicatorType type =
            rules.wildcard_includes_apex ? IndicatorType::suffix : IndicatorType::subdomains;
        Normalised out = as_name(rest, type);
        if (out.outcome == Outcome::bad && rest.find('.') == std::string_view::npos) {
            out = as_name(text.substr(1), type);  // *.tld
            out.indicator.type = type;
        }
        return out;
    }
    return as_pattern(text, PatternKind::wildcard);
}

// The host of a URL in any form browsers take: octal, hexadecimal, short (Safe Browsing, "URLs and
// Hashing").
std::optional<IpAddress> lenient_v4(std::string_view host) {
    const std::string text(host);
    const bool plausible =
        !host.empty() && is_digit(host.front()) && std::ranges::all_of(host, [](char c) {
            return is_hex(c) || c == '.' || c == 'x' || c == 'X';
        });
    struct in_addr raw = {};
    if (!plausible || inet_aton(text.c_str(), &raw) == 0) {
        return std::nullopt;
    }
    return IpAddress::v4_raw(raw.s_addr);
}

// `text` is what follows the scheme. A page on a host says little about the rest of the host, so
// with a path the host may only alert.
Normalised as_url(std::string_view text) {
    const auto host_end = text.find_first_of("/?#");
    const std::string_view path =
        host_end == std::string_view::npos ? std::string_view() : text.substr(host_end);
    std::string_view host = text.substr(0, host_end);
    if (const auto at = host.rfind('@'); at != std::string_view::npos) {
        host.remove_prefix(at + 1);
    }
    std::optional<Normalised> out = as_address(host, 0);
    if (!out) {
        std::uint16_t port = 0;
        if (const auto colon = host.rfind(':'); colon != std::string_view::npos) {
            const auto written = port_of(host.substr(colon + 1));
            if (!written && colon + 1 != host.size()) {
                return Normalised::bad("a URL with something else than a port after its host");
            }
            port = written.value_or(0);
            host = host.substr(0, colon);
        }
        if (host.empty()) {
            return Normalised::bad("a URL without a host");
        }
        const auto v4 = lenient_v4(host);
        out = v4 ? from_address({*v4, 32}, port) : as_name(host, IndicatorType::domain);
    }
    out->indicator.alert_only = !path.empty() && path != "/";
    return std::move(*out);
}

bool looks_like_expression(std::string_view text) noexcept {
    return text.find_first_of("\\()[]{}+^$|") != std::string_view::npos;
}

}  // namespace

std::string_view trim(std::string_view text) noexcept {
    const auto first = text.find_first_not_of(kWhite);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kWhite) - first + 1);
}

std::string refang(std::string_view text) {
    struct Form {
        std::string_view written;
        std::string_view meant;
    };
    constexpr std::array<Form, 9> kInside{
        {{"[.]", "."},
         {"(.)", "."},
         {"{.}", "."},
         {"[dot]", "."},
         {"(dot)", "."},
         {"[:]", ":"},
         {"[at]", "@"},
         {"[/]", "/"},
         {"[://]", "://"}}};
    constexpr std::array<Form, 4> kSchemes{
        {{"hxxps", "https"}, {"hxxp", "http"}, {"fxp", "ftp"}, {"meow", "http"}}};
    std::string out;
    for (const Form& scheme : kSchemes) {
        const std::string_view rest = text.substr(std::min(text.size(), scheme.written.size()));
        if (starts_with_folded(text, scheme.written) &&
            (rest.starts_with("://") || rest.starts_with('['))) {
            out = scheme.meant;
            text = rest;
            break;
        }
    }
    while (!text.empty()) {
        const auto form = std::ranges::find_if(kInside, [&text](const Form& f) {
            return starts_with_folded(text, f.written);
        });
        if (form != kInside.end()) {
            out += form->meant;
            text.remove_prefix(form->written.size());
        } else {
            out += text.front();
            text.remove_prefix(1);
        }
    }
    return out;
}

Normalised Normalised::skipped(SkipReason reason) {
    Normalised out;
    out.outcome = Outcome::skipped;
    out.skip = reason;
    return out;
}

Normalised Normalised::bad(std::string problem) {
    Normalised out;
    out.outcome = Outcome::bad;
    out.problem = std::move(problem);
    return out;
}

Normalised normalise(std::string_view raw, const NormaliseRules& rules, const ValueHint& hint) {
    std::string_view text = trim(raw);
    if (text.empty()) {
        return Normalised::skipped(SkipReason::empty_value);
    }
    if (rules.slashes_quote_expressions && text.size() > 2 && text.front() == '/' &&
        text.back() == '/') {
        return as_pattern(text.substr(1, text.size() - 2), PatternKind::expression);
    }
    std::string unfolded;
    const bool scheme_folded = starts_with_folded(text, "hxxp") ||
                               starts_with_folded(text, "fxp") || starts_with_folded(text, "meow");
    if (scheme_folded || text.find_first_of("[({") != std::string_view::npos) {
        unfolded = refang(text);
        text = unfolded;
    }
    if (const auto scheme = text.find("://"); scheme != std::string_view::npos) {
        return as_url(text.substr(scheme + 3));
    }
    if (auto address = as_address(text, hint.port)) {
        return std::move(*address);
    }
    if (rules.bare_expressions && !text.starts_with('/') && looks_like_expression(text)) {
        return as_pattern(text, PatternKind::expression);
    }
    if (text.starts_with('/')) {
        return Normalised::skipped(SkipReason::url_path);
    }
    if (text.find('/') != std::string_view::npos) {
        return as_url(text);
    }
    if (text.find_first_of("*?") != std::string_view::npos) {
        return as_wildcard(text, rules);
    }
    const bool exact = hint.exact || rules.names_exact;
    const IndicatorType type = exact ? IndicatorType::domain : IndicatorType::suffix;
    if (const auto colon = text.find(':');
        colon != std::string_view::npos && port_of(text.substr(colon + 1))) {
        // Names are matched whatever the port, which is more than the entry says.
        Normalised out = as_name(text.substr(0, colon), type);
        out.indicator.alert_only = true;
        return out;
    }
    return as_name(text, type);
}

}  // namespace sallyport::feeds
