// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/event_filter.h"

#include "gateway/model/event.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <nlohmann/json.hpp>

namespace sallyport::control {
namespace {

using Json = nlohmann::json;
using Path = std::initializer_list<const char*>;

/// The value at a path of an ECS document, or null.
const Json* at(const Json& document, Path path) {
    const Json* here = &document;
    for (const char* key : path) {
        if (!here->is_object()) {
            return nullptr;
        }
        const auto found = here->find(key);
        if (found == here->end()) {
            return nullptr;
        }
        here = &*found;
    }
    return here;
}

std::string_view text_at(const Json& document, Path path) {
    const Json* value = at(document, path);
    return value != nullptr && value->is_string()
               ? std::string_view(value->get_ref<const std::string&>())
               : std::string_view{};
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) {
               return lower(x) == lower(y);
           });
}

// --- what a value may be: "" when it is fine, else what was expected ---

std::string any_text(CompiledTerm&) {
    return "";
}

/// `namespace/name`, `name`, or `namespace/`.
std::string slashed(CompiledTerm& term) {
    const std::size_t slash = term.text.find('/');
    if (slash != std::string::npos) {
        term.second = term.text.substr(slash + 1);
        term.text.resize(slash);
        term.has_second = true;
    }
    return "";
}

std::string label(CompiledTerm& term) {
    const std::size_t equal = term.text.find('=');
    if (equal != std::string::npos) {
        term.second = term.text.substr(equal + 1);
        term.text.resize(equal);
        term.has_second = true;
    }
    return term.text.empty() ? "key or key=value" : "";
}

std::string network(CompiledTerm& term) {
    const auto prefix = IpPrefix::parse(term.text);
    if (!prefix) {
        return "an address or a prefix as 192.0.2.0/24";
    }
    term.prefix = prefix->canonical();
    return "";
}

std::string ports(CompiledTerm& term) {
    const char* const end = term.text.data() + term.text.size();
    auto [stop, error] = std::from_chars(term.text.data(), end, term.port_first);
    term.port_last = term.port_first;
    if (error == std::errc{} && stop != end && *stop == '-') {
        const auto second = std::from_chars(stop + 1, end, term.port_last);
        stop = second.ptr;
        error = second.ec;
    }
    return error == std::errc{} && stop == end && term.port_first <= term.port_last
               ? ""
               : "a port or a range as 8000-8080";
}

std::string verdict(CompiledTerm& term) {
    struct Word {
        std::string_view hubble;
        std::string_view ours;
    };
    // TRANSLATED is not a verdict of ours but a question about the mapping.
    constexpr std::array kWords{
        Word{"forwarded", "allow"},
        Word{"dropped", "deny"},
        Word{"audit", "undecided"},
        Word{"translated", "translated"}};
    for (const Word& word : kWords) {
        if (equals_ignoring_case(term.text, word.hubble) ||
            equals_ignoring_case(term.text, word.ours)) {
            term.text = word.ours;
            return "";
        }
    }
    return "allow, deny, undecided, FORWARDED, DROPPED, AUDIT or TRANSLATED";
}

std::string type(CompiledTerm& term) {
    for (std::size_t i = 0; i < kEventClassCount; ++i) {
        if (term.text == name_of(static_cast<EventClass>(i))) {
            return "";
        }
    }
    for (unsigned kind = 1; kind <= static_cast<unsigned>(EventKind::spool_truncated); ++kind) {
        if (term.text == action_of(static_cast<EventKind>(kind))) {
            return "";
        }
    }
    return "a class (flow, dns, threat, policy, nat, audit, health) or an action (flow-end...)";
}

// --- whether a document has it ---

bool in_network(const CompiledTerm& term, std::string_view text) {
    const auto address = IpAddress::parse(text);
    return address && term.prefix.contains(*address);
}

bool has_port(const CompiledTerm& term, const Json& document, Path path) {
    const Json* value = at(document, path);
    if (value == nullptr || !value->is_number_unsigned()) {
        return false;
    }
    const auto port = value->get<std::uint64_t>();
    return port >= term.port_first && port <= term.port_last;
}

bool is_namespace(const CompiledTerm& term, const Json& document) {
    return text_at(document, {"orchestrator", "namespace"}) == term.text;
}

bool is_pod(const CompiledTerm& term, const Json& document) {
    const std::string& prefix = term.has_second ? term.second : term.text;
    const std::string_view pod = text_at(document, {"orchestrator", "resource", "name"});
    return !pod.empty() && pod.substr(0, prefix.size()) == prefix &&
           (!term.has_second || is_namespace(term, document));
}

bool is_workload(const CompiledTerm& term, const Json& document) {
    const std::string& name = term.has_second ? term.second : term.text;
    return text_at(document, {"sallyport", "workload", "name"}) == name &&
           (!term.has_second || is_namespace(term, document) ||
            equals_ignoring_case(text_at(document, {"sallyport", "workload", "kind"}), term.text));
}

bool has_label(const CompiledTerm& term, const Json& document) {
    const Json* labels = at(document, {"orchestrator", "resource", "label"});
    if (labels == nullptr || !labels->is_array()) {
        return false;
    }
    const std::string start = term.text + ":";
    for (const Json& entry : *labels) {
        if (!entry.is_string()) {
            continue;
        }
        const std::string_view text = entry.get_ref<const std::string&>();
        if (term.has_second ? text == start + term.second : text.substr(0, start.size()) == start) {
            return true;
        }
    }
    return false;
}

bool from_ip(const CompiledTerm& term, const Json& document) {
    return in_network(term, text_at(document, {"source", "ip"}));
}
bool to_ip(const CompiledTerm& term, const Json& document) {
    return in_network(term, text_at(document, {"destination", "ip"}));
}
bool snat_ip(const CompiledTerm& term, const Json& document) {
    return in_network(term, text_at(document, {"source", "nat", "ip"}));
}
bool either_ip(const CompiledTerm& term, const Json& document) {
    return from_ip(term, document) || to_ip(term, document);
}

bool to_name(const CompiledTerm& term, const Json& document) {
    for (const Path path :
         {Path{"destination", "domain"},
          Path{"dns", "question", "name"},
          Path{"tls", "client", "server_name"}}) {
        const std::string_view name = text_at(document, path);
        if (!name.empty() && glob_matches(term.text, name)) {
            return true;
        }
    }
    return false;
}

bool from_port(const CompiledTerm& term, const Json& document) {
    return has_port(term, document, {"source", "port"});
}
bool to_port(const CompiledTerm& term, const Json& document) {
    return has_port(term, document, {"destination", "port"});
}
bool either_port(const CompiledTerm& term, const Json& document) {
    return from_port(term, document) || to_port(term, document);
}

bool is_protocol(const CompiledTerm& term, const Json& document) {
    return equals_ignoring_case(text_at(document, {"network", "transport"}), term.text) ||
           equals_ignoring_case(text_at(document, {"network", "protocol"}), term.text);
}

bool has_verdict(const CompiledTerm& term, const Json& document) {
    if (term.text == "translated") {
        return at(document, {"source", "nat", "ip"}) != nullptr;
    }
    return text_at(document, {"sallyport", "verdict"}) == term.text;
}

bool is_type(const CompiledTerm& term, const Json& document) {
    return text_at(document, {"sallyport", "class"}) == term.text ||
           text_at(document, {"event", "action"}) == term.text;
}

bool has_feed(const CompiledTerm& term, const Json& document) {
    if (text_at(document, {"threat", "feed", "name"}) == term.text) {
        return true;
    }
    const Json* matches = at(document, {"threat", "enrichments"});
    return matches != nullptr && matches->is_array() &&
           std::any_of(matches->begin(), matches->end(), [&](const Json& match) {
               return text_at(match, {"indicator", "provider"}) == term.text;
           });
}

bool has_rule(const CompiledTerm& term, const Json& document) {
    for (const Path path : {Path{"rule", "name"}, Path{"rule", "id"}, Path{"rule", "ruleset"}}) {
        const std::string_view text = text_at(document, path);
        if (!text.empty() && glob_matches(term.text, text)) {
            return true;
        }
    }
    return false;
}

bool has_reason(const CompiledTerm& term, const Json& document) {
    std::string wanted = term.text;
    std::replace(wanted.begin(), wanted.end(), '_', '-');
    return equals_ignoring_case(text_at(document, {"event", "reason"}), wanted);
}

bool on_node(const CompiledTerm& term, const Json& document) {
    const std::string_view node = text_at(document, {"kubernetes", "node", "name"});
    return !node.empty() && glob_matches(term.text, node);
}
bool of_cluster(const CompiledTerm& term, const Json& document) {
    return text_at(document, {"orchestrator", "cluster", "name"}) == term.text;
}
bool has_id(const CompiledTerm& term, const Json& document) {
    return text_at(document, {"event", "id"}) == term.text;
}

struct Behaviour {
    std::string (*check)(CompiledTerm& term);
    bool (*matches)(const CompiledTerm& term, const Json& document);
};

// One row each, in the same order.
constexpr std::array kRows{
    FilterRow{"namespace", "-n,--from-namespace", "NAME", "Namespace of the workload."},
    FilterRow{"pod", "--from-pod", "[NS/]PREFIX", "Pod whose name begins so."},
    FilterRow{
        "workload", "--from-workload", "[NS/]NAME", "What owns the pod: [NS/]NAME or KIND/NAME."},
    FilterRow{"label", "-l,--from-label", "KEY[=VALUE]", "Label of the pod."},
    FilterRow{"ip", "", "CIDR", "Address of the pod or of the destination."},
    FilterRow{"from-ip", "", "CIDR", "Address of the pod."},
    FilterRow{"to-ip", "", "CIDR", "Address of the destination."},
    FilterRow{"snat-ip", "", "CIDR", "Egress address."},
    FilterRow{"to-fqdn", "--fqdn", "NAME", "Name of the destination, * for any characters."},
    FilterRow{"port", "", "PORT", "Port of the pod or of the destination."},
    FilterRow{"from-port", "", "PORT", "Port of the pod."},
    FilterRow{"to-port", "", "PORT", "Port of the destination."},
    FilterRow{"protocol", "", "NAME", "tcp, udp, icmp, dns, tls, http..."},
    FilterRow{"verdict", "", "WORD", "allow, deny, undecided; FORWARDED, DROPPED, TRANSLATED."},
    FilterRow{"type", "-t", "WORD", "Class (flow, dns, threat...) or action (flow-end...)."},
    FilterRow{"feed", "", "NAME", "Threat feed that matched."},
    FilterRow{"rule", "", "NAME", "Name or id of a rule, or its policy, * for any characters."},
    FilterRow{"reason", "--drop-reason-desc", "WORD", "Why the verdict is what it is."},
    FilterRow{"node-name", "", "NAME", "Node of the pod, * for any characters."},
    FilterRow{"cluster", "", "NAME", "Cluster of the pod."},
    FilterRow{"uuid", "", "ID", "The event with this event.id."},
};
constexpr std::array kBehaviours{
    Behaviour{any_text, is_namespace}, Behaviour{slashed, is_pod},
    Behaviour{slashed, is_workload},   Behaviour{label, has_label},
    Behaviour{network, either_ip},     Behaviour{network, from_ip},
    Behaviour{network, to_ip},         Behaviour{network, snat_ip},
    Behaviour{any_text, to_name},      Behaviour{ports, either_port},
    Behaviour{ports, from_port},       Behaviour{ports, to_port},
    Behaviour{any_text, is_protocol},  Behaviour{verdict, has_verdict},
    Behaviour{type, is_type},          Behaviour{any_text, has_feed},
    Behaviour{any_text, has_rule},     Behaviour{any_text, has_reason},
    Behaviour{any_text, on_node},      Behaviour{any_text, of_cluster},
    Behaviour{any_text, has_id},
};
static_assert(kRows.size() == kBehaviours.size());

/// One term as it is compared, or what is wrong with it.
Result<CompiledTerm> compile(const FilterTerm& term) {
    const auto row = std::find_if(kRows.begin(), kRows.end(), [&](const FilterRow& r) {
        return r.name == term.name;
    });
    if (row == kRows.end()) {
        return Error{"\"" + term.name + "\" is no filter"};
    }
    CompiledTerm out;
    out.row = static_cast<std::size_t>(row - kRows.begin());
    out.negated = term.negated;
    out.text = term.value;
    const std::string shown = term.name + ": \"" + term.value.substr(0, 60) + "\"";
    if (term.value.empty() || term.value.size() > EventFilter::kValueBytesMax) {
        return Error{
            shown + " has " + std::to_string(term.value.size()) + " characters, expected 1-" +
            std::to_string(EventFilter::kValueBytesMax)};
    }
    const std::string expected = kBehaviours[out.row].check(out);
    if (!expected.empty()) {
        return Error{shown + " does not fit, expected " + expected};
    }
    return out;
}

}  // namespace

std::span<const FilterRow> filter_rows() noexcept {
    return kRows;
}

bool glob_matches(std::string_view pattern, std::string_view text) noexcept {
    // Greedy with one place to come back to: linear but for repeated stars, never exponential.
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    while (t < text.size()) {
        const bool same =
            p < pattern.size() && equals_ignoring_case(pattern.substr(p, 1), text.substr(t, 1));
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (same) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') {
        ++p;
    }
    return p == pattern.size();
}

Result<EventFilter> EventFilter::make(const std::vector<FilterTerm>& terms) {
    if (terms.size() > kTermsMax) {
        return Error{
            std::to_string(terms.size()) + " filters, expected at most " +
            std::to_string(kTermsMax)};
    }
    EventFilter out;
    for (const FilterTerm& term : terms) {
        Result<CompiledTerm> compiled = compile(term);
        if (!compiled) {
            return compiled.error();
        }
        out.compiled_.push_back(std::move(compiled).value());
    }
    out.terms_ = terms;
    return out;
}

bool EventFilter::matches(const nlohmann::json& document) const {
    std::array<bool, kRows.size()> asked{};
    std::array<bool, kRows.size()> found{};
    for (const CompiledTerm& term : compiled_) {
        if (term.negated) {
            if (kBehaviours[term.row].matches(term, document)) {
                return false;
            }
            continue;
        }
        asked[term.row] = true;
        found[term.row] = found[term.row] || kBehaviours[term.row].matches(term, document);
    }
    return asked == found;
}

}  // namespace sallyport::control
