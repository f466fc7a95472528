// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/event_text.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>

namespace sallyport::cli {
namespace {

using Json = nlohmann::json;
using Path = std::initializer_list<const char*>;

/// Text of the value at a path, numbers included; "" when there is none.
std::string at(const Json& document, Path path) {
    const Json* here = &document;
    for (const char* key : path) {
        if (!here->is_object() || !here->contains(key)) {
            return "";
        }
        here = &(*here)[key];
    }
    if (here->is_string()) {
        return printable(here->get_ref<const std::string&>());
    }
    return here->is_number_integer() ? here->dump() : "";
}

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    });
    return text;
}

std::string with_port(const std::string& address, const std::string& port) {
    if (address.empty() || port.empty()) {
        return address;
    }
    return (address.find(':') != std::string::npos ? "[" + address + "]" : address) + ":" + port;
}

/// `payments/api(api-7d9c-x2k)`, a node's name, or the address when nobody is known behind it.
std::string source_name(const Json& document) {
    const std::string space = at(document, {"orchestrator", "namespace"});
    const std::string pod = at(document, {"orchestrator", "resource", "name"});
    const std::string owner = at(document, {"sallyport", "workload", "name"});
    if (!pod.empty() && !owner.empty() && owner != pod) {
        return space + "/" + owner + "(" + pod + ")";
    }
    if (!pod.empty() || !owner.empty()) {
        return (space.empty() ? "" : space + "/") + (pod.empty() ? owner : pod);
    }
    const std::string status = at(document, {"sallyport", "attribution", "status"});
    return (status.empty() || status == "known" ? "" : status + " ") +
           at(document, {"source", "ip"});
}

std::string destination_name(const Json& document) {
    const std::string name = at(document, {"destination", "domain"});
    return name.empty() ? at(document, {"destination", "ip"}) : name;
}

std::string protocol(const Json& document) {
    const std::string transport = upper(at(document, {"network", "transport"}));
    const std::string application = at(document, {"network", "protocol"});
    return transport + (application.empty() ? "" : "/" + application);
}

std::string feed(const Json& document) {
    return at(document, {"threat", "feed", "name"});
}

std::string rule(const Json& document) {
    const std::string name = at(document, {"rule", "name"});
    return name.empty() ? at(document, {"rule", "id"}) : name;
}

std::string egress(const Json& document) {
    return with_port(
        at(document, {"source", "nat", "ip"}), at(document, {"source", "nat", "port"})
    );
}

std::string short_time(const Json& document) {
    std::string time = at(document, {"@timestamp"});
    // Milliseconds are enough to read by; the document has the rest.
    const std::size_t point = time.find('.');
    if (point != std::string::npos && time.size() > point + 4) {
        time = time.substr(0, point + 4) + "Z";
    }
    return time;
}

/// What the class alone knows.
std::string details(const Json& document) {
    const std::string action = at(document, {"event", "action"});
    std::string out;
    if (action == "dns-query" || action == "dns-answer") {
        out = (action == "dns-query" ? "Query " : "Answer ") +
              at(document, {"dns", "question", "name"}) + " " +
              at(document, {"dns", "question", "type"});
        const std::string code = at(document, {"dns", "response_code"});
        out += action == "dns-answer" && !code.empty() ? " " + code : "";
    } else if (action == "flow-end" || action == "flow-update") {
        const std::string sent = at(document, {"source", "bytes"});
        out = sent.empty() ? "" : sent + "B out " + at(document, {"destination", "bytes"}) + "B in";
    } else if (action == "threat-match") {
        out = "matched " + at(document, {"threat", "indicator", "name"});
    } else if (action == "nat-block-allocated" || action == "nat-block-released") {
        out = "ports " + at(document, {"sallyport", "nat", "block", "first_port"}) + "-" +
              at(document, {"sallyport", "nat", "block", "last_port"});
    }
    return out;
}

void add(std::string& line, const std::string& word) {
    if (!word.empty()) {
        line += (line.empty() ? "" : " ") + word;
    }
}

void add_pair(std::string& line, const char* key, const std::string& value) {
    if (!value.empty()) {
        add(line, std::string(key) + "=" + value);
    }
}

std::string painted_verdict(const std::string& verdict, const Console& console) {
    if (verdict == "deny") {
        return console.red("DENY");
    }
    return verdict == "allow" ? console.green("ALLOW") : console.yellow(upper(verdict));
}

struct Column {
    std::string_view name;
    std::size_t width;
    std::string (*value)(const Json&);
};
std::string action(const Json& document) {
    return at(document, {"event", "action"});
}
std::string verdict(const Json& document) {
    return at(document, {"sallyport", "verdict"});
}
std::string destination(const Json& document) {
    return with_port(destination_name(document), at(document, {"destination", "port"}));
}
constexpr std::array kColumns{
    Column{"TIME", 25, short_time},
    Column{"EVENT", 13, action},
    Column{"WORKLOAD", 40, source_name},
    Column{"DESTINATION", 34, destination},
    Column{"PROTOCOL", 9, protocol},
    Column{"VERDICT", 8, verdict},
    Column{"RULE", 18, rule},
    Column{"FEED", 12, feed},
    Column{"EGRESS", 0, egress},
};

std::string padded(const std::string& text, std::size_t width) {
    return text + std::string(text.size() < width ? width - text.size() : 1, ' ');
}

}  // namespace

std::string compact_line(const Json& document, const Console& console) {
    std::string line = short_time(document);
    const std::string to = destination(document);
    const std::string from = with_port(source_name(document), at(document, {"source", "port"}));
    if (to.empty()) {
        // Audit, health, ledger: there is no destination to point at.
        add(line, action(document));
        add(line, from);
        const std::string told = details(document);
        add(line, told.empty() ? at(document, {"message"}) : told);
    } else {
        add(line, from);
        add(line, "->");
        add(line, to);
        add(line, protocol(document));
        if (const std::string word = verdict(document); !word.empty()) {
            add(line, painted_verdict(word, console));
        }
        add(line, action(document));
        add(line, details(document));
        if (verdict(document) == "deny") {
            add_pair(line, "reason", at(document, {"event", "reason"}));
        }
    }
    add_pair(line, "rule", rule(document));
    add_pair(line, "feed", feed(document));
    add_pair(line, "snat", egress(document));
    return line;
}

std::string table_heading() {
    std::string line;
    for (const Column& column : kColumns) {
        line += padded(std::string(column.name), column.width);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

std::string table_line(const Json& document) {
    std::string line;
    for (const Column& column : kColumns) {
        line += padded(column.value(document), column.width);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

}  // namespace sallyport::cli
