// SPDX-License-Identifier: Apache-2.0
// What one lookup costs over the whole set, in random order, so that nearly every table line is
// cold: names that are listed and names that are not, addresses likewise. The scalar reference of
// the names is a std::unordered_set asked once a suffix.
#include "classifier/threat_database.h"
#include "feeds/compiler.h"
#include "tests/bench/feeds_input.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace {

using namespace sallyport;  // NOLINT(google-build-using-namespace)
constexpr int kRounds = 5;

/// Names one behind the other, as a worker has them in a packet it has just read: asking must not
/// pay for fetching the question.
class Names {
public:
    void add(std::string_view name) {
        places_.emplace_back(bytes_.size(), name.size());
        bytes_ += name;
    }
    [[nodiscard]] std::size_t size() const { return places_.size(); }
    std::string_view operator[](std::size_t i) const {
        return std::string_view(bytes_).substr(places_[i].first, places_[i].second);
    }

private:
    std::string bytes_;
    std::vector<std::pair<std::size_t, std::size_t>> places_;
};

/// Time this thread ran, in ns: what others do on the machine is left out, as far as it can be.
double thread_ns() {
    struct timespec now = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

struct Sample {
    Names listed;
    Names foreign;
    std::vector<IpAddress> addresses;
    std::vector<IpAddress> foreign_addresses;
};

// Another name under the same parent: the label a feed would have listed, with a letter changed.
std::string changed(std::string name, std::mt19937_64& random) {
    const auto dot = name.find('.');
    name.insert(random() % (dot == std::string::npos ? name.size() : dot + 1), "q0");
    return name;
}

Sample collect(const feeds::FeedSource& source) {
    Sample sample;
    std::vector<std::string> names;
    std::mt19937_64 random(2);
    feeds::FeedReaderHooks hooks;
    hooks.indicator = [&](const feeds::Indicator& indicator, const feeds::Place&) {
        if (indicator.type == IndicatorType::suffix) {
            names.push_back(indicator.text);
        } else if (indicator.type == IndicatorType::address) {
            sample.addresses.push_back(indicator.prefix.address);
        }
    };
    feeds::read_feed(source, {}, hooks);
    std::ranges::shuffle(names, random);
    std::ranges::shuffle(sample.addresses, random);
    for (const std::string& name : names) {
        sample.listed.add(name);
        sample.foreign.add(changed(name, random));
    }
    for (std::size_t i = 0; i < 1'000'000; ++i) {
        sample.foreign_addresses.push_back(IpAddress::v4(static_cast<std::uint32_t>(random())));
    }
    return sample;
}

/// Nanoseconds a call of `ask(i)` for i below `count`, the best of some rounds; `hits` of one
/// round.
double nanoseconds(
    std::size_t count, std::size_t& hits, const std::function<std::size_t(std::size_t)>& ask_all
) {
    double best = 1e300;
    for (int round = 0; round < kRounds; ++round) {
        const double start = thread_ns();
        hits = ask_all(count);
        best = std::min(best, (thread_ns() - start) / static_cast<double>(count));
    }
    return best;
}

void print(const char* what, double ns, std::size_t hits, std::size_t count, const char* aim) {
    std::printf("%-34s %7.1f ns   %8zu of %8zu matched   %s\n", what, ns, hits, count, aim);
}

void bench_names(
    const classifier::ThreatDatabase& database,
    const char* what,
    const Names& names,
    hs_scratch* scratch,
    const char* aim
) {
    std::size_t hits = 0;
    const double ns = nanoseconds(names.size(), hits, [&](std::size_t count) {
        std::size_t found = 0;
        for (std::size_t i = 0; i < count; ++i) {
            ThreatMatches matches;
            database.match_name(names[i], scratch, matches);
            found += matches.empty() ? 0 : 1;
        }
        return found;
    });
    print(what, ns, hits, names.size(), aim);
}

// As a worker asks: of a burst's payloads all names are begun, then all fetched, then each is asked
// when its packet's turn comes.
void bench_bursts(
    const classifier::ThreatDatabase& database,
    const char* what,
    const Names& names,
    hs_scratch* scratch,
    const char* aim
) {
    constexpr std::size_t kBurst = 16;
    std::array<classifier::NameSteps, kBurst> steps;
    std::size_t hits = 0;
    const double ns = nanoseconds(names.size(), hits, [&](std::size_t count) {
        std::size_t found = 0;
        for (std::size_t first = 0; first < count; first += kBurst) {
            const std::size_t size = std::min(kBurst, count - first);
            for (std::size_t i = 0; i < size; ++i) {
                database.begin_name(names[first + i], steps[i]);
            }
            for (std::size_t i = 0; i < size; ++i) {
                database.fetch_name(steps[i]);
            }
            for (std::size_t i = 0; i < size; ++i) {
                ThreatMatches matches;
                database.match_name(names[first + i], steps[i], scratch, matches);
                found += matches.empty() ? 0 : 1;
            }
        }
        return found;
    });
    print(what, ns, hits, names.size(), aim);
}

void bench_reference(const Sample& sample) {
    std::unordered_set<std::string> set;
    for (std::size_t i = 0; i < sample.listed.size(); ++i) {
        set.emplace(sample.listed[i]);
    }
    const auto ask = [&set](const Names& names) {
        std::size_t found = 0;
        for (std::size_t i = 0; i < names.size(); ++i) {
            std::string rest(names[i]);
            while (true) {
                if (set.contains(rest)) {
                    ++found;
                    break;
                }
                const auto dot = rest.find('.');
                if (dot == std::string::npos) {
                    break;
                }
                rest.erase(0, dot + 1);
            }
        }
        return found;
    };
    std::size_t hits = 0;
    double ns =
        nanoseconds(sample.foreign.size(), hits, [&](std::size_t) { return ask(sample.foreign); });
    print("reference: name, miss", ns, hits, sample.foreign.size(), "");
    ns = nanoseconds(sample.listed.size(), hits, [&](std::size_t) { return ask(sample.listed); });
    print("reference: name, hit", ns, hits, sample.listed.size(), "");
}

void bench_addresses(
    const classifier::ThreatDatabase& database,
    const char* what,
    const std::vector<IpAddress>& addresses
) {
    std::size_t hits = 0;
    const double ns = nanoseconds(addresses.size(), hits, [&](std::size_t count) {
        std::size_t found = 0;
        for (std::size_t i = 0; i < count; ++i) {
            ThreatMatches matches;
            database.match_address(addresses[i], 443, matches);
            found += matches.empty() ? 0 : 1;
        }
        return found;
    });
    print(what, ns, hits, addresses.size(), "");
}

}  // namespace

int main() {
    bench::FeedsInput input;
    bench::fill(input);
    std::printf("set: %s\n", input.real ? "maltrail trails/static" : "made up");
    const std::string output = input.directory.file("threats.db");
    Problems problems;
    const auto report = feeds::compile({input.source}, output, problems);
    if (!report) {
        std::printf("refused: %s\n", report.error().message.c_str());
        return 1;
    }
    const auto opened = classifier::ThreatDatabase::open(output, "");
    if (!opened) {
        std::printf("%s\n", opened.error().message.c_str());
        return 1;
    }
    const classifier::ThreatDatabase& database = *opened.value();
    const auto scratch = database.make_scratch();
    const Sample sample = collect(input.source);
    constexpr const char* kMissAim = "(aim: 200 ns)";
    constexpr const char* kHitAim = "(aim: 300 ns)";
    bench_names(database, "name, miss", sample.foreign, nullptr, kMissAim);
    bench_names(database, "name, hit", sample.listed, nullptr, kHitAim);
    bench_bursts(database, "name, miss, in bursts of 16", sample.foreign, nullptr, kMissAim);
    bench_bursts(database, "name, hit, in bursts of 16", sample.listed, nullptr, kHitAim);
    if (scratch && scratch.value() != nullptr) {
        std::printf("with %zu patterns:\n", database.patterns().size());
        hs_scratch* const own = scratch.value().get();
        bench_names(database, "name, miss", sample.foreign, own, "");
        bench_names(database, "name, hit", sample.listed, own, "");
        bench_bursts(database, "name, miss, in bursts of 16", sample.foreign, own, "");
        bench_bursts(database, "name, hit, in bursts of 16", sample.listed, own, "");
    }
    bench_reference(sample);
    bench_addresses(database, "address, miss (random)", sample.foreign_addresses);
    bench_addresses(database, "address, hit", sample.addresses);
    return 0;
}
