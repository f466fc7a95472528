// SPDX-License-Identifier: Apache-2.0
// What a packet costs in the pipeline, beside what it costs without it, in one run and one process.
//
//   harness   64-byte frames of F flows in an order no prefetcher learns, copied into buffers a
//   burst of 64 at a
//             time, and given back: what a device would do
//   headers   the same, and each header is read and written
//   floor     the same, one index line read and one entry line read, modified and written per
//   packet, pass by
//             pass with prefetch: what memory asks of any flow table (performance reference,
//             section 8)
//   settled   the gateway: attribution, policy, feeds and NAT on, every flow open and judged
//   new       the gateway: every packet opens a flow (UDP without a name): judged, mapped, told
//
// Figures are cycles of the time stamp counter and nanoseconds a packet, the best and the median of
// several trials taken in turn. Compare ratios, not figures of two machines: a ratio is the median
// of those of the trials, for a machine that others use as well may halve its pace within a second.
#include "feeds/compiler.h"
#include "gateway/dataplane/checksum.h"
#include "gateway/dataplane/pipeline.h"
#include "gateway/policy/compiler.h"
#include "gateway/policy/policy_objects.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include <x86intrin.h>

namespace {

using namespace sallyport;
using namespace sallyport::dataplane;

constexpr std::size_t kFrameBytes = 64;
constexpr std::uint32_t kWorkloads = 1000;
constexpr int kTrials = 25;

void require(bool good, const std::string& what) {
    if (!good) {
        std::fprintf(stderr, "pipeline_bench: %s\n", what.c_str());
        std::exit(1);
    }
}

// Buffers that go round: what a device with a last-in, first-out pool gives.
class BenchIo final : public PacketIo {
public:
    static constexpr std::size_t kBuffers = 256;
    static constexpr std::size_t kStride = 512;
    BenchIo() : memory_(kBuffers * kStride) {
        for (std::size_t i = 0; i < kBuffers; ++i) {
            free_[free_count_++] = memory_.data() + i * kStride;
        }
    }
    Packet take() noexcept {
        Packet packet;
        packet.buffer = free_[--free_count_];
        packet.data = static_cast<std::uint8_t*>(packet.buffer) + kHeadroomBytesMin;
        packet.size = kFrameBytes;
        packet.capacity = kStride - kHeadroomBytesMin;
        return packet;
    }
    std::size_t transmit(std::span<Packet* const> packets) noexcept override {
        for (const Packet* packet : packets) {
            free_[free_count_++] = static_cast<std::uint8_t*>(packet->buffer);
        }
        transmitted += packets.size();
        return 0;
    }
    void release(const Packet& packet) noexcept override {
        free_[free_count_++] = static_cast<std::uint8_t*>(packet.buffer);
    }
    Packet allocate() noexcept override { return take(); }
    bool hand_over(std::uint16_t, const Packet&) noexcept override { return false; }

    std::uint64_t transmitted = 0;

private:
    LargeArray<std::uint8_t> memory_;
    std::array<std::uint8_t*, kBuffers> free_{};
    std::size_t free_count_ = 0;
};

struct alignas(64) Template {
    std::uint8_t bytes[kFrameBytes];
};

// Flow `i` of the traffic: one of kWorkloads pods to one of 65 536 addresses.
Template make_template(std::uint32_t i) {
    Template out{};
    std::uint8_t* frame = out.bytes;
    const std::uint8_t ethernet[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
    std::memcpy(frame, ethernet, 14);
    std::uint8_t* ip = frame + 14;
    const std::uint8_t header[12] = {0x45, 0, 0, 50, 0, 0, 0x40, 0, 64, 17, 0, 0};
    std::memcpy(ip, header, 12);
    const std::uint32_t pod = i % kWorkloads;
    const std::uint8_t addresses[8] = {
        10,
        42,
        static_cast<std::uint8_t>(pod >> 8U),
        static_cast<std::uint8_t>(pod),
        198,
        18,
        static_cast<std::uint8_t>(i >> 8U),
        static_cast<std::uint8_t>(i)};
    std::memcpy(ip + 12, addresses, 8);
    const std::uint16_t checksum = checksum_of(raw_sum({ip, 20}));
    std::memcpy(ip + 10, &checksum, 2);
    std::uint8_t* udp = ip + 20;
    const std::uint16_t source =
        byte_swap(static_cast<std::uint16_t>(1024 + i / kWorkloads % 60000));
    const std::uint16_t destination = byte_swap(static_cast<std::uint16_t>(9000 + (i >> 16U)));
    const std::uint16_t size = byte_swap(std::uint16_t{30});
    std::memcpy(udp, &source, 2);
    std::memcpy(udp + 2, &destination, 2);
    std::memcpy(udp + 4, &size, 2);
    return out;
}

// Frames in an order that visits every flow once a round and that no prefetcher learns.
class Source {
public:
    explicit Source(std::uint32_t flows) : mask_(flows - 1), templates_(flows) {
        // Templates lie in memory in an order unrelated to the one they are sent in.
        for (std::uint32_t i = 0; i < flows; ++i) {
            templates_[scatter(i)] = make_template(i);
        }
    }
    void fill(Batch& batch, BenchIo& io) noexcept {
        std::array<std::uint32_t, kBatchSize> which;
        for (std::uint32_t& one : which) {
            state_ = (state_ * 1664525U + 1013904223U) & mask_;  // full period for powers of two
            one = scatter(state_);
            __builtin_prefetch(&templates_[one]);
        }
        for (std::size_t i = 0; i < kBatchSize; ++i) {
            batch.packets[i] = io.take();
            std::memcpy(batch.packets[i].data, templates_[which[i]].bytes, kFrameBytes);
        }
        batch.size = kBatchSize;
    }

private:
    [[nodiscard]] std::uint32_t scatter(std::uint32_t i) const noexcept {
        return (i * 0x9E3779B1U ^ 0x5bd1e995U) & mask_;
    }
    std::uint32_t mask_;
    std::uint32_t state_ = 1;
    LargeArray<Template> templates_;
};

// The floor's table: the shape of the flow table, none of its work.
class Floor {
public:
    struct alignas(64) Line {
        std::uint16_t tag[8];
        std::uint32_t slot[8];
        std::uint8_t pad[16];
    };
    explicit Floor(std::uint32_t flows)
        : lines_(std::bit_ceil(flows * 2ULL * 10 / 6 / 8)),
          entries_(flows),
          mask_(flows - 1) {}

    void process(Batch& batch) noexcept {
        std::array<std::uint64_t, kBatchSize> hash;
        std::array<std::uint32_t, kBatchSize> entry;
        for (std::size_t i = 0; i < batch.size; ++i) {
            std::uint64_t a = 0;
            std::uint32_t b = 0;
            std::memcpy(&a, batch.packets[i].data + 26, 8);
            std::memcpy(&b, batch.packets[i].data + 34, 4);
            hash[i] = fold_multiply(a ^ 0x9E3779B97F4A7C15ULL, b ^ 0xC2B2AE3D27D4EB4FULL);
            __builtin_prefetch(&lines_[hash[i] & (lines_.size() - 1)]);
        }
        for (std::size_t i = 0; i < batch.size; ++i) {
            const Line& line = lines_[hash[i] & (lines_.size() - 1)];
            entry[i] =
                static_cast<std::uint32_t>((hash[i] >> 20U) + line.slot[hash[i] & 7U]) & mask_;
            __builtin_prefetch(&entries_[entry[i]], 1);
        }
        for (std::size_t i = 0; i < batch.size; ++i) {
            std::uint64_t* words = entries_[entry[i]].word;
            ++words[4];
            words[5] += 50;
            std::uint8_t* ip = batch.packets[i].data + 14;
            std::memcpy(ip + 12, &words[1], 4);
            std::memcpy(ip + 20, &words[2], 2);
            --ip[8];
            const std::uint64_t link = words[3];
            std::memcpy(batch.packets[i].data, &link, 8);
        }
    }

private:
    struct alignas(64) Entry {
        std::uint64_t word[8];
    };
    LargeArray<Line> lines_;
    LargeArray<Entry> entries_;
    std::uint32_t mask_;
};

std::shared_ptr<const WorkloadTable> make_workloads() {
    std::vector<Workload> workloads(2);
    for (std::uint32_t i = 0; i < kWorkloads; ++i) {
        Workload& workload = workloads.emplace_back();
        workload.kind = Workload::Kind::pod;
        workload.live = true;
        workload.namespace_name = i % 2 == 0 ? "payments" : "frontend";
        workload.pod = "pod-" + std::to_string(i);
        workload.uid = workload.pod;
        workload.owner_kind = "Deployment";
        workload.owner_name = "app-" + std::to_string(i / 10);
        workload.labels = {{"app", workload.owner_name}};
        workload.namespace_labels = {{"team", workload.namespace_name}};
        workload.addresses.push_back(IpAddress::v4(0x0A2A0000U + i));
    }
    return std::make_shared<const WorkloadTable>(std::move(workloads));
}

std::shared_ptr<const policy::PolicySet> make_policy(const WorkloadTable& workloads) {
    std::string text;
    for (int i = 0; i < 5; ++i) {
        text += "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: p" +
                std::to_string(i) + "}\nspec:\n  order: " + std::to_string(i) +
                "\n  selector: all()\n  types: [Egress]\n  egress:\n";
        for (int rule = 0; rule < 4; ++rule) {
            text += "  - {action: Deny, protocol: TCP, destination: {nets: [203.0." +
                    std::to_string(i * 4 + rule) + ".0/24], ports: [25, \"6000:6100\"]}}\n";
        }
        text += i == 4 ? "  - {action: Allow}\n---\n" : "  - {action: Pass}\n---\n";
        if (i < 4) {
            // A pass leaves the tier: only the last policy may decide.
            text.replace(text.rfind("  - {action: Pass}\n"), 19, "");
        }
    }
    policy::PolicyReading reading;
    policy::read_policy_text(text, "bench.yaml", reading);
    require(reading.problems.empty(), reading.problems.empty() ? "" : reading.problems[0].text());
    auto compiled = policy::compile(reading.objects, workloads);
    require(compiled.ok(), compiled.ok() ? "" : compiled.error().message);
    return compiled.value();
}

// 200 000 addresses and 100 000 names, none of them in the traffic.
std::shared_ptr<const classifier::ThreatDatabase> make_threats() {
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("pipeline-bench-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    {
        std::ofstream list(folder / "feed.txt");
        std::uint32_t state = 7;
        for (int i = 0; i < 200'000; ++i) {
            state = state * 1664525U + 1013904223U;
            list << IpAddress::v4(0x2D000000U | (state >> 8U)).text() << '\n';
        }
        for (int i = 0; i < 100'000; ++i) {
            list << "host" << i << ".malicious-" << i % 977 << ".example\n";
        }
    }
    feeds::FeedSource source;
    source.name = "bench";
    source.path = (folder / "feed.txt").string();
    source.format = "plain";
    source.action = FeedAction::deny;
    Problems problems;
    const std::string path = (folder / "threats.db").string();
    const auto report = feeds::compile({source}, path, problems);
    require(report.ok(), report.ok() ? "" : report.error().message);
    auto database = classifier::ThreatDatabase::open(path, "");
    require(database.ok(), database.ok() ? "" : database.error().message);
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    return database.value();
}

struct Gateway {
    explicit Gateway(std::uint32_t flows) {
        workloads = make_workloads();
        snapshot.workloads = workloads;
        snapshot.policy = make_policy(*workloads);
        snapshot.threats = make_threats();
        snapshot.scratch.push_back(nullptr);
        snapshot.pool_of.assign(workloads->size(), 0);
        PoolView pool;
        pool.name = "default";
        for (std::uint32_t i = 0; i < 16; ++i) {
            ports.push_back(std::make_unique<AddressPorts>(
                IpAddress::v4(0xC0000210U + i).v4_raw(), 64, 0, 1, 1 + i
            ));
            snapshot.egress.push_back({ports.back().get()});
            pool.addresses.push_back(i);
        }
        snapshot.pools.push_back(pool);
        PortView inside;
        inside.link = {2, 0, 0, 0, 0, 2};
        inside.addresses = {*IpPrefix::parse("10.1.0.1/24")};
        PortView outside = inside;
        outside.role = PortRole::outside;
        outside.addresses = {*IpPrefix::parse("192.0.2.2/24")};
        outside.next_hop_v4 = *IpAddress::parse("192.0.2.1");
        snapshot.ports = {inside, outside};
        neighbours.learn(neighbours.find_or_add(outside.next_hop_v4, 1), {2, 0, 0, 0, 0, 9}, 1000);
        PipelineSettings settings;
        settings.flows_max = flows;
        settings.flows6_max = 1024;
        pipeline = std::make_unique<Pipeline>(settings, io, neighbours, rings, counters);
        pipeline->housekeep(snapshot, now);
    }
    void process(Batch& batch) {
        now.monotonic_ns += 3000;
        now.wall_ns += 3000;
        pipeline->process(batch, snapshot, now);
    }
    void drain_events() {
        events += rings.traffic.drain(rings.traffic.capacity(), [](const Event&) {});
        events += rings.security.drain(rings.security.capacity(), [](const Event&) {});
    }
    std::uint64_t dropped() const {
        std::uint64_t sum = 0;
        for (const Counter& drop : counters.drops) {
            sum += drop.get();
        }
        return sum;
    }

    std::shared_ptr<const WorkloadTable> workloads;
    std::vector<std::unique_ptr<AddressPorts>> ports;
    Snapshot snapshot;
    NeighbourTable neighbours;
    EventRings rings;
    Counters counters;
    BenchIo io;
    Now now{1'000'000'000'000ULL, 1'700'000'000'000'000'000ULL};
    std::unique_ptr<Pipeline> pipeline;
    std::uint64_t events = 0;
};

struct Figure {
    double best_cycles = 0;
    double median_cycles = 0;
};

double cycles_per_ns() {
    const auto start = std::chrono::steady_clock::now();
    const std::uint64_t before = __rdtsc();
    while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(50)) {
    }
    const double ns =
        std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
    return static_cast<double>(__rdtsc() - before) / ns;
}

double cycles_a_packet(std::uint32_t bursts, const std::function<void()>& burst) {
    const std::uint64_t before = __rdtsc();
    for (std::uint32_t i = 0; i < bursts; ++i) {
        burst();
    }
    return static_cast<double>(__rdtsc() - before) / (static_cast<double>(bursts) * kBatchSize);
}

Figure figure_of(std::vector<double> trials) {
    std::sort(trials.begin(), trials.end());
    return {trials.front(), trials[trials.size() / 2]};
}

void print_row(const char* name, std::uint32_t flows, const Figure& figure, double per_ns) {
    std::printf(
        "%-9s %9u  %8.1f  %8.1f  %7.2f  %7.2f\n",
        name,
        flows,
        figure.best_cycles,
        figure.median_cycles,
        figure.median_cycles / per_ns,
        1000 * per_ns / figure.median_cycles
    );
}

using Trials = std::array<std::vector<double>, 4>;  ///< of harness, headers, floor and settled

void print_trials(const Trials& trials, std::uint32_t flows, double per_ns) {
    Figure figures[4];
    const char* names[4] = {"harness", "headers", "floor", "settled"};
    for (std::size_t i = 0; i < trials.size(); ++i) {
        figures[i] = figure_of(trials[i]);
        print_row(names[i], flows, figures[i], per_ns);
    }
    std::vector<double> with_harness;
    std::vector<double> net_of_it;
    for (std::size_t i = 0; i < trials[0].size(); ++i) {
        with_harness.push_back(trials[3][i] / trials[2][i]);
        net_of_it.push_back((trials[3][i] - trials[1][i]) / (trials[2][i] - trials[1][i]));
    }
    std::printf(
        "          settled / floor: %.2f with the harness, %.2f net of it\n\n",
        figure_of(with_harness).median_cycles,
        figure_of(net_of_it).median_cycles
    );
}

void measure_settled(std::uint32_t flows, double per_ns) {
    Source source(flows);
    BenchIo io;
    Batch batch;
    Floor floor(flows);
    Gateway gateway(flows);
    const std::uint32_t round = flows / kBatchSize;
    for (std::uint32_t i = 0; i < round; ++i) {
        source.fill(batch, gateway.io);
        gateway.process(batch);
        gateway.drain_events();
    }
    require(
        gateway.counters.flows_created.get() == flows && gateway.dropped() == 0,
        "not every flow opened"
    );
    const auto give_back = [&] {
        for (std::size_t i = 0; i < batch.size; ++i) {
            io.release(batch.packets[i]);
        }
    };
    const auto harness = [&] {
        source.fill(batch, io);
        give_back();
    };
    const auto headers = [&] {
        source.fill(batch, io);
        for (std::size_t i = 0; i < batch.size; ++i) {
            std::uint8_t* ip = batch.packets[i].data + 14;
            std::uint64_t word = 0;
            std::memcpy(&word, ip + 12, 8);
            word ^= 0x5555;
            std::memcpy(ip + 12, &word, 8);
            --ip[8];
        }
        give_back();
    };
    const auto floor_burst = [&] {
        source.fill(batch, io);
        floor.process(batch);
        give_back();
    };
    const auto settled = [&] {
        source.fill(batch, gateway.io);
        gateway.process(batch);
    };
    Trials trials;
    const std::uint32_t bursts = std::max(round, 4096U);
    for (int trial = 0; trial < kTrials; ++trial) {
        trials[0].push_back(cycles_a_packet(bursts, harness));
        trials[1].push_back(cycles_a_packet(bursts, headers));
        trials[2].push_back(cycles_a_packet(bursts, floor_burst));
        trials[3].push_back(cycles_a_packet(bursts, settled));
    }
    require(
        gateway.dropped() == 0 && gateway.counters.flows_created.get() == flows,
        "settled traffic was not forwarded"
    );
    print_trials(trials, flows, per_ns);
}

void measure_new(double per_ns) {
    constexpr std::uint32_t kFlows = 1U << 20U;
    std::vector<double> trials;
    for (int trial = 0; trial < 3; ++trial) {
        Source source(kFlows);
        Gateway gateway(kFlows);
        Batch batch;
        trials.push_back(cycles_a_packet(kFlows / kBatchSize, [&] {
            source.fill(batch, gateway.io);
            gateway.process(batch);
            gateway.drain_events();
        }));
        require(
            gateway.counters.flows_created.get() == kFlows && gateway.dropped() == 0,
            "new flows were refused"
        );
        require(gateway.events >= kFlows, "new flows were not told");
    }
    const Figure figure = figure_of(trials);
    print_row("new", kFlows, figure, per_ns);
    std::printf(
        "          new flows a second and core: %.2f million\n",
        1000 * per_ns / figure.median_cycles
    );
}

}  // namespace

// Without arguments everything; with a number of flows (a power of two) only settled traffic of so
// many, with "new" only new flows.
int main(int argc, char** argv) {
    const double per_ns = cycles_per_ns();
    std::printf("64-byte frames, bursts of %zu, TSC %.2f GHz\n\n", kBatchSize, per_ns);
    std::printf("%-9s %9s  %8s  %8s  %7s  %7s\n", "", "flows", "best", "median", "ns", "Mpps");
    std::printf("%-9s %9s  %8s  %8s\n", "", "", "cycles", "cycles");
    if (argc > 1 && std::string_view(argv[1]) == "new") {
        measure_new(per_ns);
        return 0;
    }
    if (argc > 1) {
        measure_settled(
            std::bit_ceil(static_cast<std::uint32_t>(std::max(64, std::atoi(argv[1])))), per_ns
        );
        return 0;
    }
    for (const std::uint32_t flows : {1U << 10U, 1U << 16U, 1U << 20U}) {
        measure_settled(flows, per_ns);
    }
    measure_new(per_ns);
    return 0;
}
