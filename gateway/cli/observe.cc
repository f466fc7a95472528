// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/observe.h"

#include "gateway/cli/event_text.h"
#include "gateway/cli/time_text.h"
#include "gateway/control/admin_client.h"
#include "gateway/control/event_query.h"
#include "gateway/control/spool_events.h"

#include <deque>
#include <fstream>
#include <nlohmann/json.hpp>

namespace sallyport::cli {
namespace {

using control::EventStream;

constexpr std::size_t kLineBytesMax = 1U << 20U;  // no event is near this long
constexpr std::size_t kBadLinesShown = 10;

class Printer {
public:
    Printer(Format format, const Console& console) : format_(format), console_(console) {}

    /// False when the reader of our output has gone.
    bool print(const nlohmann::json& document, std::string_view line) {
        if (format_ == Format::json) {
            console_.out << line << '\n';
        } else if (format_ == Format::compact) {
            console_.out << compact_line(document, console_) << '\n';
        } else {
            if (!headed_) {
                console_.out << table_heading() << '\n';
                headed_ = true;
            }
            console_.out << table_line(document) << '\n';
        }
        console_.out.flush();
        return console_.out.good();
    }
    bool print(std::string_view line) {
        return print(nlohmann::json::parse(line, nullptr, false), line);
    }

private:
    Format format_;
    const Console& console_;
    bool headed_ = false;
};

Exit observe_gateway(const ObserveOptions& options, const Console& console) {
    Printer printer(options.format, console);
    const control::AdminAnswer answer =
        control::AdminClient(options.socket_path)
            .stream(control::event_query_path(options.query), [&](std::string_view line) {
                return printer.print(line);
            });
    if (!answer.problem.empty()) {
        console.err << printable(answer.problem) << '\n';
    }
    return !answer.reached ? Exit::not_reached : answer.ok() ? Exit::done : Exit::said_no;
}

Exit observe_stream(EventStream& events, const ObserveOptions& options, const Console& console) {
    constexpr std::chrono::milliseconds kWait{500};
    Printer printer(options.format, console);
    std::string line;
    for (;;) {
        switch (events.next(line, kWait)) {
            case EventStream::Step::event:
                if (!printer.print(line)) {
                    return Exit::done;
                }
                break;
            case EventStream::Step::idle:
                break;
            case EventStream::Step::end:
                return Exit::done;
        }
    }
}

/// Lines of a file, judged here.
class FileObserver {
public:
    FileObserver(const ObserveOptions& options, const Console& console)
        : options_(options),
          console_(console),
          printer_(options.format, console) {}

    Exit run(std::istream& in) {
        std::string line;
        while (going_ && std::getline(in, line)) {
            ++number_;
            take(line);
        }
        for (const std::string& kept : last_) {
            going_ = going_ && printer_.print(kept);
        }
        if (bad_ > kBadLinesShown) {
            console_.err << name() << ": " << bad_ << " lines in all are no events\n";
        }
        return bad_ == 0 ? Exit::done : Exit::said_no;
    }

private:
    [[nodiscard]] std::string name() const {
        return options_.input_file == "-" ? "standard input" : options_.input_file;
    }

    void take(const std::string& line) {
        if (line.empty()) {
            return;
        }
        const nlohmann::json document = line.size() > kLineBytesMax
                                            ? nlohmann::json()
                                            : nlohmann::json::parse(line, nullptr, false);
        if (!document.is_object()) {
            if (++bad_ <= kBadLinesShown) {
                console_.err << name() << ':' << number_
                             << ": is no event, expected a JSON object\n";
            }
            return;
        }
        if (!in_time(document) || !options_.query.filter.matches(document)) {
            return;
        }
        if (!options_.query.last) {
            going_ = printer_.print(document, line);
            return;
        }
        last_.push_back(line);
        if (last_.size() > *options_.query.last) {
            last_.pop_front();
        }
    }

    [[nodiscard]] bool in_time(const nlohmann::json& document) const {
        const auto& query = options_.query;
        if (query.since == 0 && query.until == 0) {
            return true;
        }
        const auto found = document.find("@timestamp");
        const auto time = found != document.end() && found->is_string()
                              ? parse_time(found->get_ref<const std::string&>(), 0)
                              : std::nullopt;
        return time && *time >= query.since && (query.until == 0 || *time <= query.until);
    }

    const ObserveOptions& options_;
    const Console& console_;
    Printer printer_;
    std::deque<std::string> last_;
    std::size_t number_ = 0;
    std::size_t bad_ = 0;
    bool going_ = true;
};

Exit observe_file(const ObserveOptions& options, const Console& console) {
    FileObserver observer(options, console);
    if (options.input_file == "-") {
        return observer.run(console.in);
    }
    std::ifstream in(options.input_file);
    if (!in) {
        console.err << options.input_file << ": cannot be opened\n";
        return Exit::said_no;
    }
    return observer.run(in);
}

}  // namespace

Exit observe(const ObserveOptions& options, const Console& console) {
    if (!options.input_file.empty()) {
        return observe_file(options, console);
    }
    if (options.spool.empty()) {
        return observe_gateway(options, console);
    }
    auto events = control::follow_spool(options.spool, options.query);
    if (!events) {
        console.err << printable(events.error().message) << '\n';
        return Exit::said_no;
    }
    return observe_stream(*events.value(), options, console);
}

}  // namespace sallyport::cli
