// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/command_line.h"

#include "gateway/cli/check_command.h"
#include "gateway/cli/feed_argument.h"
#include "gateway/cli/feeds_commands.h"
#include "gateway/cli/gateway_commands.h"
#include "gateway/cli/observe.h"
#include "gateway/cli/reference.h"
#include "gateway/cli/time_text.h"
#include "gateway/control/event_filter.h"
#include "gateway/control/version.h"
#include "gateway/model/clock.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

namespace sallyport::cli {
namespace {

constexpr const char* kSocketDefault = "/run/sallyport/admin.sock";

/// Help that begins with an example.
class HelpText : public CLI::Formatter {
public:
    void set_example(const CLI::App* app, std::string example) {
        examples_[app] = std::move(example);
    }
    std::string make_description(const CLI::App* app) const override {
        const auto found = examples_.find(app);
        const std::string example = found == examples_.end() ? "" : "  " + found->second + "\n\n";
        return example + app->get_description() + "\n";
    }

private:
    std::map<const CLI::App*, std::string> examples_;
};

/// The application and what its options are read into.
class CommandLine {
public:
    CommandLine(const Entries& entries, Console& console) : entries_(entries), console_(console) {
        app_.formatter(help_);
        app_.require_subcommand(1);
        help_->set_example(&app_, "sallyport run -c /etc/sallyport/sallyport.yaml");
        app_.set_help_flag("-h,--help", "Print this help and exit.");
        app_.add_flag("--no-color", no_colour_, "No colours, also when writing to a terminal.");
        app_.fallthrough();
        add_run();
        add_replay();
        add_check();
        add_reload();
        add_status();
        add_observe();
        add_feeds();
        add_reference();
        add_version();
    }

    int run(std::vector<std::string> arguments) {
        try {
            std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
            app_.parse(std::move(reversed));
        } catch (const CLI::RequiredError& error) {
            return say_what_is_missing(error);
        } catch (const CLI::ParseError& error) {
            const int code = app_.exit(error, console_.out, console_.err);
            return code == 0 ? 0 : static_cast<int>(Exit::wrong_use);
        }
        if (no_colour_) {
            console_.colour = false;
        }
        return action_();
    }

private:
    // A word that is no command leaves its place as if nothing stood there.
    int say_what_is_missing(const CLI::RequiredError& error) {
        const std::vector<std::string> unknown = app_.remaining(true);
        if (unknown.empty()) {
            app_.exit(error, console_.out, console_.err);
        } else {
            console_.err << "sallyport: no command \"" << printable(unknown.front())
                         << "\"; sallyport --help names them\n";
        }
        return static_cast<int>(Exit::wrong_use);
    }
    CLI::App* command(
        CLI::App& parent,
        const std::string& name,
        const std::string& description,
        const std::string& example
    ) {
        CLI::App* app = parent.add_subcommand(name, description);
        help_->set_example(app, example);
        app->formatter(help_);
        app->set_help_flag("-h,--help", "Print this help and exit.");
        return app;
    }

    /// Runs `function` when this command is the one that was given.
    template <class Function>
    void on(CLI::App* app, Function function) {
        app->callback([this, function] {
            action_ = [function] { return static_cast<int>(function()); };
        });
    }

    void add_format(CLI::App* app, Format preset) {
        app->add_option_function<std::string>(
               "-o,--output",
               [this](const std::string& word) {
                   chosen_format_ = word == "json"      ? Format::json
                                    : word == "compact" ? Format::compact
                                                        : Format::table;
               },
               "Form of the output."
        )
            ->check(CLI::IsMember({"table", "json", "compact"}).description(""))
            ->type_name("table|json|compact");
        presets_[app] = preset;
    }
    [[nodiscard]] Format format_of(const CLI::App* app) const {
        return chosen_format_.value_or(presets_.at(app));
    }

    void add_socket(CLI::App* app) {
        app->add_option("--socket", socket_, "Admin socket of the gateway.")
            ->envname("SALLYPORT_SOCKET")
            ->type_name("PATH")
            ->capture_default_str();
    }

    CLI::Option* add_config(CLI::App* app, bool required) {
        CLI::Option* option =
            app->add_option("-c,--config", config_path_, "Configuration file.")->type_name("FILE");
        return required ? option->required() : option;
    }

    void add_feed_option(CLI::App* app) {
        app->add_option_function<std::vector<std::string>>(
               "--feed",
               [this](const std::vector<std::string>& texts) {
                   for (const std::string& text : texts) {
                       auto feed = parse_feed_argument(text);
                       if (!feed) {
                           throw CLI::ValidationError("--feed", feed.error().message);
                       }
                       feeds_.push_back(std::move(feed).value());
                   }
               },
               "A threat feed; repeat for more. Keys: format, action, category, confidence."
        )
            ->type_name("NAME=FILE[,KEY=VALUE]...")
            ->expected(1)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }

    void add_run();
    void add_replay();
    void add_check();
    void add_reload();
    void add_status();
    void add_observe();
    void add_observe_filters(CLI::App* app);
    void add_feeds();
    void add_feeds_check(CLI::App& feeds);
    void add_feeds_lookup(CLI::App& feeds);
    void add_feeds_compile(CLI::App& feeds);
    void add_reference();
    void add_version();

    void take_filters(const CLI::App* app);
    Exit run_observe(const CLI::App* app);
    [[nodiscard]] FeedChoice feed_choice() const { return {config_path_, feeds_, database_}; }

    Entries entries_;
    Console& console_;
    std::shared_ptr<HelpText> help_ = std::make_shared<HelpText>();
    CLI::App app_{
        "The guarded way out of a Kubernetes cluster: an egress gateway that names, judges,\n"
        "translates and records what leaves.",
        "sallyport"};
    std::function<int()> action_ = [] { return static_cast<int>(Exit::wrong_use); };

    bool no_colour_ = false;
    std::optional<Format> chosen_format_;
    std::map<const CLI::App*, Format> presets_;
    std::string socket_ = kSocketDefault;
    std::string config_path_;
    std::vector<config::FeedConfig> feeds_;
    std::string database_;
    std::string output_path_;
    std::string value_;
    std::string page_;
    control::ReplayOptions replay_;
    ObserveOptions observe_;
    std::string since_;
    std::string until_;
    std::optional<std::size_t> last_;
    bool all_ = false;
    std::map<const CLI::Option*, std::string> filter_names_;
    std::vector<control::FilterTerm> terms_;
};

void CommandLine::add_run() {
    CLI::App* app = command(
        app_,
        "run",
        "The gateway: ports up, policy and feeds loaded, packets through, events out.",
        "sallyport run -c /etc/sallyport/sallyport.yaml"
    );
    add_config(app, true);
    on(app, [this] { return entries_.run({config_path_}); });
}

void CommandLine::add_replay() {
    CLI::App* app = command(
        app_,
        "replay",
        "The same pipeline over capture files: who talked to what, what would have been denied.",
        "sallyport replay capture.pcap --workloads pods.json --feed bad=names.txt,action=deny "
        "--summary"
    );
    app->add_option("capture", replay_.captures, "pcap or pcapng files; - is standard input.")
        ->required()
        ->type_name("CAPTURE...");
    add_config(app, false);
    app->add_option("--workloads", replay_.workloads, "Output of kubectl get ... -A -o json|yaml.")
        ->type_name("FILE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    add_feed_option(app);
    app->add_option("--policy", replay_.policies, "File or directory of policy objects.")
        ->type_name("PATH")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    app->add_option("--events", replay_.events, "Where events go; - is standard output.")
        ->type_name("FILE");
    const std::map<std::string, config::Encoding> encodings{
        {"ecs", config::Encoding::ecs}, {"flat", config::Encoding::flat}};
    app->add_option("--encoding", replay_.encoding, "Form of the events: ecs or flat.")
        ->transform(CLI::Transformer(encodings).description(""))
        ->type_name("NAME");
    app->add_option("--pcap-out", replay_.pcap_out, "What the gateway would have sent.")
        ->type_name("FILE");
    app->add_flag("--summary", replay_.summary, "A table of who talked to what.");
    on(app, [this] {
        replay_.config_path = config_path_;
        replay_.feeds = feeds_;
        // Asked for nothing, the useful answer is the table.
        replay_.summary = replay_.summary || replay_.events.empty();
        return entries_.replay(replay_);
    });
}

void CommandLine::add_check() {
    CLI::App* app = command(
        app_,
        "check",
        "All problems of a configuration, its policies, feeds and workloads.",
        "sallyport check -c /etc/sallyport/sallyport.yaml"
    );
    add_config(app, true);
    add_format(app, Format::table);
    on(app, [this, app] { return check_command(config_path_, format_of(app), console_); });
}

void CommandLine::add_reload() {
    CLI::App* app = command(
        app_,
        "reload",
        "Read configuration, policy, feeds and workloads again: all in force, or all refused.",
        "sallyport reload"
    );
    add_socket(app);
    add_format(app, Format::table);
    on(app, [this, app] { return reload_command(socket_, format_of(app), console_); });
}

void CommandLine::add_status() {
    CLI::App* app = command(
        app_,
        "status",
        "One screen of a running gateway; exit 0 healthy, 1 degraded, 2 down.",
        "sallyport status"
    );
    add_socket(app);
    add_format(app, Format::table);
    on(app, [this, app] { return status_command(socket_, format_of(app), console_); });
}

void CommandLine::add_observe_filters(CLI::App* app) {
    app->add_flag_function(
           "--not", [](std::int64_t) {}, "The next filter must not match."
    )
        ->group("Filters");
    for (const control::FilterRow& row : control::filter_rows()) {
        std::string flags = "--" + std::string(row.name);
        if (!row.short_flags.empty()) {
            flags += "," + std::string(row.short_flags);
        }
        CLI::Option* option = app->add_option(flags)
                                  ->description(std::string(row.help))
                                  ->type_name(std::string(row.value))
                                  ->expected(1)
                                  ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
                                  ->group("Filters");
        filter_names_[option] = row.name;
    }
}

void CommandLine::add_observe() {
    CLI::App* app = command(
        app_,
        "observe",
        "Events as they happen, or from the spool.",
        "sallyport observe -f -n payments --verdict deny"
    );
    add_socket(app);
    add_format(app, Format::compact);
    app->add_flag("-f,--follow", observe_.query.follow, "Go on with events as they happen.");
    app->add_option("--last", last_, "Only the last so many of those there are (20).")
        ->type_name("N")
        ->check(CLI::Range(0, 1'000'000).description(""));
    app->add_flag("--all", all_, "All there are.");
    app->add_option("--since", since_, "From then on: 5m ago, or RFC 3339.")->type_name("TIME");
    app->add_option("--until", until_, "Until then.")->type_name("TIME");
    app->add_option(
           "--input-file", observe_.input_file, "Read events from a file; - is standard input."
    )
        ->type_name("FILE");
    app->add_option("--spool", observe_.spool, "Read a spool's directory, without a gateway.")
        ->type_name("PATH");
    add_observe_filters(app);
    on(app, [this, app] { return run_observe(app); });
}

/// Filters in the order they were written, since --not speaks of the one after it.
void CommandLine::take_filters(const CLI::App* app) {
    std::map<const CLI::Option*, std::size_t> used;
    bool negated = false;
    for (const CLI::Option* option : app->parse_order()) {
        if (option->get_name() == "--not") {
            negated = true;
            continue;
        }
        const auto found = filter_names_.find(option);
        if (found == filter_names_.end()) {
            continue;
        }
        const std::size_t index = used[option]++;
        if (index < option->results().size()) {
            terms_.push_back({found->second, option->results()[index], negated});
        }
        negated = false;
    }
}

Exit CommandLine::run_observe(const CLI::App* app) {
    take_filters(app);
    auto filter = control::EventFilter::make(terms_);
    if (!filter) {
        console_.err << "--" << printable(filter.error().message) << '\n';
        return Exit::wrong_use;
    }
    control::EventQuery& query = observe_.query;
    query.filter = std::move(filter).value();
    const WallNanoseconds now = SystemClock().wall_ns();
    for (const auto& [text, flag, field] :
         {std::tuple<const std::string&, const char*, WallNanoseconds*>{
              since_, "--since", &query.since},
          std::tuple<const std::string&, const char*, WallNanoseconds*>{
              until_, "--until", &query.until}}) {
        if (text.empty()) {
            continue;
        }
        const auto time = parse_time(text, now);
        if (!time) {
            console_.err << flag << ": \"" << printable(text)
                         << "\" is no time, expected 5m or 2026-06-25T00:01:18Z\n";
            return Exit::wrong_use;
        }
        *field = *time;
    }
    query.last = last_;
    // A file is shown whole; of a gateway's events the last, unless a time says where to begin.
    if (!last_ && !all_ && since_.empty() && observe_.input_file.empty()) {
        query.last = kLastDefault;
    }
    observe_.socket_path = socket_;
    observe_.format = format_of(app);
    return observe(observe_, console_);
}

void CommandLine::add_feeds_check(CLI::App& feeds) {
    CLI::App* app = command(
        feeds,
        "check",
        "What feed files would give, and what is wrong with them.",
        "sallyport feeds check urlhaus.csv"
    );
    app->add_option_function<std::vector<std::string>>(
           "file",
           [this](const std::vector<std::string>& paths) {
               for (const std::string& path : paths) {
                   config::FeedConfig feed;
                   feed.name = path;
                   feed.path = path;
                   feeds_.push_back(std::move(feed));
               }
           },
           "Feed files, of a format found by looking."
    )
        ->type_name("FILE...");
    add_config(app, false);
    add_feed_option(app);
    add_format(app, Format::table);
    on(app, [this, app] { return feeds_check_command(feed_choice(), format_of(app), console_); });
}

void CommandLine::add_feeds_lookup(CLI::App& feeds) {
    CLI::App* app = command(
        feeds,
        "lookup",
        "Which indicators match a value, and from where; exit 1 when none does.",
        "sallyport feeds lookup c2.malware.example -c /etc/sallyport/sallyport.yaml"
    );
    app->add_option("value", value_, "A name, address, address:port or URL.")
        ->required()
        ->type_name("VALUE");
    add_config(app, false);
    add_feed_option(app);
    app->add_option("--database", database_, "A compiled threat database instead of feeds.")
        ->type_name("FILE");
    add_format(app, Format::table);
    on(app, [this, app] {
        return feeds_lookup_command(feed_choice(), value_, format_of(app), console_);
    });
}

void CommandLine::add_feeds_compile(CLI::App& feeds) {
    CLI::App* app = command(
        feeds,
        "compile",
        "Make the threat database from feeds.",
        "sallyport feeds compile --feed urlhaus=urlhaus.csv,action=deny -o threats.db"
    );
    add_config(app, false);
    add_feed_option(app);
    app->add_option("-o,--output", output_path_, "The database to write.")
        ->required()
        ->type_name("FILE");
    on(app, [this] {
        return feeds_compile_command(feed_choice(), output_path_, Format::table, console_);
    });
}

void CommandLine::add_feeds() {
    CLI::App* feeds = command(
        app_,
        "feeds",
        "Threat feeds: what they give, what matches, what runs.",
        "sallyport feeds check urlhaus.csv"
    );
    feeds->require_subcommand(1);
    CLI::App* app =
        command(*feeds, "list", "The feeds of a running gateway.", "sallyport feeds list");
    add_socket(app);
    add_format(app, Format::table);
    on(app, [this, app] { return feeds_list_command(socket_, format_of(app), console_); });
    add_feeds_check(*feeds);
    add_feeds_lookup(*feeds);
    add_feeds_compile(*feeds);
}

void CommandLine::add_reference() {
    CLI::App* app = command(
        app_,
        "reference",
        "Reference pages, made from the tables in the code.",
        "sallyport reference config"
    );
    app->add_option("page", page_, "Which page.")
        ->required()
        ->check(CLI::IsMember({"config", "events", "drops", "metrics"}).description(""))
        ->type_name("config|events|drops|metrics");
    add_format(app, Format::table);
    on(app, [this, app] {
        const std::map<std::string, Page> pages{
            {"config", Page::config},
            {"events", Page::events},
            {"drops", Page::drops},
            {"metrics", Page::metrics}};
        print_reference(pages.at(page_), format_of(app), console_);
        return Exit::done;
    });
}

void CommandLine::add_version() {
    CLI::App* app = command(app_, "version", "The version of this program.", "sallyport version");
    on(app, [this] {
        console_.out << "sallyport " << control::version() << '\n';
        return Exit::done;
    });
}

}  // namespace

int run_command_line(
    const std::vector<std::string>& arguments, const Entries& entries, Console console
) {
    return CommandLine(entries, console).run(arguments);
}

}  // namespace sallyport::cli
