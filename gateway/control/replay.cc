// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/replay.h"

#include "exporters/encoder.h"
#include "gateway/config/load.h"
#include "gateway/control/capture_file.h"
#include "gateway/control/loader.h"
#include "gateway/control/snapshot_builder.h"
#include "gateway/control/summary.h"
#include "gateway/dataplane/memory_io.h"
#include "gateway/dataplane/pipeline.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdlib.h>
#include <utility>

namespace sallyport::control {
namespace {

// Fixed, so that the same input gives the same ports, ids and bytes.
constexpr std::uint64_t kReplaySeed = 0x53616C6C79706F72ULL;
constexpr std::uint64_t kReplayBoot = 0;
constexpr std::uint32_t kReplayFlows = 1U << 17U;
constexpr std::uint32_t kReplayNames = 1U << 15U;
constexpr std::size_t kReplayBuffers = 320;  // what one packet may answer with, and those that wait
// Ageing calls after a packet: one takes at most 32 flows off the wheel.
constexpr int kAgeingCallsMax = 4096;

// Compiled feeds of a replay: gone with it.
class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "sallyport-XXXXXX").string();
        if (mkdtemp(pattern.data()) != nullptr) {
            path_ = pattern;
        }
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

// Adds what the command line names to the configuration.
config::Config merge(config::Config config, const ReplayOptions& options) {
    config.workloads.files.insert(
        config.workloads.files.end(), options.workloads.begin(), options.workloads.end()
    );
    config.policy.paths.insert(
        config.policy.paths.end(), options.policies.begin(), options.policies.end()
    );
    config.feeds.insert(config.feeds.end(), options.feeds.begin(), options.feeds.end());
    if (config.path.empty()) {
        config.gateway.name = "replay";
        // Without objects nobody could be known; that is no reason to deny everybody.
        if (config.workloads.files.empty()) {
            config.workloads.unknown.then = config::UnknownAction::allow;
        }
        config.egress.ipv6 = config::Ipv6Egress::route;
    }
    return config;
}

// Index 0 is where every frame of a capture comes in, 1 where what goes out would leave.
std::vector<dataplane::PortView> capture_ports(const config::Config& config) {
    std::vector<dataplane::PortView> out(2);
    out[0].name = "capture";
    out[1].name = "outside";
    out[1].role = dataplane::PortRole::outside;
    for (const config::PortConfig& port : config.dataplane.ports) {
        dataplane::PortView& view = out[port.role == config::PortRole::outside ? 1 : 0];
        view.name = port.name;
        view.addresses.insert(view.addresses.end(), port.addresses.begin(), port.addresses.end());
    }
    return out;
}

class Replay {
public:
    Replay(const ReplayOptions& options, std::shared_ptr<const dataplane::Snapshot> snapshot)
        : options_(options),
          snapshot_(std::move(snapshot)),
          io_(kReplayBuffers, [this](const dataplane::Packet& packet) { write_packet(packet); }),
          pipeline_(settings(), io_, neighbours_, rings_, counters_) {}

    Status open_outputs();
    /// False: the capture is damaged; what came before it has been processed.
    bool run(CaptureReader& capture);
    /// Ends the flows that are left and flushes; false when an output failed.
    bool finish();

private:
    static dataplane::PipelineSettings settings() {
        dataplane::PipelineSettings out;
        out.flows_max = kReplayFlows;
        out.flows6_max = kReplayFlows / 8;
        out.names_max = kReplayNames;
        out.boot = kReplayBoot;
        out.seed = kReplaySeed;
        return out;
    }
    void process(const CapturedFrame& frame, classifier::LinkType link);
    void write_packet(const dataplane::Packet& packet);
    void take_events();
    void age();

    const ReplayOptions& options_;
    std::shared_ptr<const dataplane::Snapshot> snapshot_;
    dataplane::NeighbourTable neighbours_;
    dataplane::EventRings rings_;
    dataplane::Counters counters_;
    dataplane::MemoryIo io_;
    dataplane::Pipeline pipeline_;
    dataplane::Batch batch_;
    dataplane::Now now_;
    std::unique_ptr<exporters::Encoder> encoder_;
    std::unique_ptr<std::ofstream> events_file_;
    std::ostream* events_out_ = nullptr;
    std::unique_ptr<CaptureWriter> packets_out_;
    std::vector<Event> pending_;
    std::string line_;
    Summary summary_;
};

Status Replay::open_outputs() {
    auto encoder =
        exporters::make_encoder(options_.encoding == config::Encoding::flat ? "flat" : "ecs");
    if (!encoder) {
        return encoder.error();
    }
    encoder_ = std::move(encoder).value();
    if (options_.events == "-") {
        events_out_ = &std::cout;
    } else if (!options_.events.empty()) {
        events_file_ = std::make_unique<std::ofstream>(options_.events, std::ios::binary);
        if (!*events_file_) {
            return Error{options_.events + ": cannot be written"};
        }
        events_out_ = events_file_.get();
    }
    if (!options_.pcap_out.empty()) {
        auto writer = CaptureWriter::create(options_.pcap_out);
        if (!writer) {
            return writer.error();
        }
        packets_out_ = std::move(writer).value();
    }
    return Done{};
}

bool Replay::run(CaptureReader& capture) {
    CapturedFrame frame;
    while (true) {
        switch (capture.next(frame)) {
            case CaptureReader::Step::end:
                return true;
            case CaptureReader::Step::damaged:
                return false;
            case CaptureReader::Step::frame:
                process(frame, capture.link());
        }
    }
}

void Replay::process(const CapturedFrame& frame, classifier::LinkType link) {
    // Captures may step back a little; timers never do.
    now_.monotonic_ns = std::max(now_.monotonic_ns, frame.time_ns);
    now_.wall_ns = now_.monotonic_ns;
    age();
    batch_.size = 1;
    batch_.packets[0] = io_.load(frame.bytes, 0, link);
    pipeline_.process(batch_, *snapshot_, now_);
    take_events();
}

void Replay::age() {
    for (int calls = 0; calls < kAgeingCallsMax; ++calls) {
        const std::uint64_t before = counters_.flows_active.get() + counters_.flows_ended.get();
        pipeline_.housekeep(*snapshot_, now_);
        take_events();
        if (counters_.flows_active.get() + counters_.flows_ended.get() == before) {
            return;
        }
    }
}

void Replay::write_packet(const dataplane::Packet& packet) {
    if (packets_out_ == nullptr) {
        return;
    }
    const classifier::Headers headers =
        classifier::decode(packet.frame(), classifier::LinkType::ethernet);
    if (headers.family != IpFamily::none) {
        packets_out_->write(packet.frame().subspan(headers.l3, headers.ip_size), now_.wall_ns);
    }
}

void Replay::take_events() {
    pending_.clear();
    for (dataplane::EventRing* ring : {&rings_.traffic, &rings_.security}) {
        ring->drain(ring->capacity(), [this](const Event& event) { pending_.push_back(event); });
    }
    std::sort(pending_.begin(), pending_.end(), [](const Event& a, const Event& b) {
        return a.sequence < b.sequence;
    });
    for (const Event& event : pending_) {
        if (options_.summary) {
            summary_.add(event, *snapshot_->dictionary);
        }
        if (events_out_ != nullptr) {
            line_.clear();
            encoder_->encode(event, *snapshot_->dictionary, line_);
            line_ += '\n';
            events_out_->write(line_.data(), static_cast<std::streamsize>(line_.size()));
        }
    }
}

bool Replay::finish() {
    constexpr std::size_t kFlowsPerTurn = 512;
    while (!pipeline_.drain(*snapshot_, now_, kFlowsPerTurn)) {
        take_events();
    }
    take_events();
    if (options_.summary) {
        std::array<std::uint64_t, kDropReasonCount> drops{};
        for (std::size_t i = 0; i < drops.size(); ++i) {
            drops[i] = counters_.drops[i].get();
        }
        summary_.print(
            options_.events == "-" ? std::cerr : std::cout, counters_.received_packets.get(), drops
        );
    }
    bool good = true;
    if (packets_out_ != nullptr) {
        if (const Status closed = packets_out_->close(); !closed) {
            std::cerr << "sallyport: " << closed.error().message << '\n';
            good = false;
        }
    }
    if (events_out_ != nullptr && !events_out_->flush()) {
        std::cerr << "sallyport: " << options_.events << ": not everything could be written\n";
        good = false;
    }
    return good;
}

// Everything but the packets: null when something was wrong, and said.
std::shared_ptr<const dataplane::Snapshot> load(const ReplayOptions& options) {
    Problems problems;
    std::optional<config::Config> read = config::Config{};
    if (!options.config_path.empty()) {
        read = config::load_config(options.config_path, config::Purpose::replay, problems);
    }
    std::optional<LoadedInputs> inputs;
    const TemporaryDirectory state;
    identity::WorkloadRegistry registry;
    if (read) {
        read = merge(std::move(*read), options);
        inputs = load_inputs(*read, {state.path(), {}}, registry, problems);
    }
    if (!problems.empty() || !inputs) {
        for (const Problem& problem : problems) {
            std::cerr << problem.text() << '\n';
        }
        return nullptr;
    }
    SnapshotBuilder builder({kReplayBoot, kReplaySeed, 1, ""});
    auto built = builder.build(
        *read,
        {inputs->workloads, inputs->policy, inputs->threats, inputs->pools},
        capture_ports(*read),
        1
    );
    if (!built) {
        std::cerr << built.error().message << '\n';
        return nullptr;
    }
    dataplane::Snapshot& snapshot = *built.value();
    snapshot.behaviour.capture = true;
    snapshot.behaviour.midstream_pickup = true;
    snapshot.behaviour.translate = !read->egress.pools.empty();
    // The port blocks the snapshot points at belong to the builder: both live as long as the
    // replay.
    auto kept = std::make_shared<std::pair<SnapshotBuilder, std::shared_ptr<dataplane::Snapshot>>>(
        std::move(builder), built.value()
    );
    return {kept, kept->second.get()};
}

}  // namespace

int run_replay(const ReplayOptions& options) {
    const std::shared_ptr<const dataplane::Snapshot> snapshot = load(options);
    if (snapshot == nullptr) {
        return 1;
    }
    auto replay = std::make_unique<Replay>(options, snapshot);
    if (const Status opened = replay->open_outputs(); !opened) {
        std::cerr << "sallyport: " << opened.error().message << '\n';
        return 1;
    }
    bool good = true;
    for (const std::string& path : options.captures) {
        auto capture = CaptureReader::open(path);
        if (!capture) {
            std::cerr << "sallyport: " << capture.error().message << '\n';
            good = false;
            break;
        }
        if (!replay->run(*capture.value())) {
            std::cerr << "sallyport: " << capture.value()->error() << " ("
                      << capture.value()->count() << " packets before it were processed)\n";
            good = false;
            break;
        }
    }
    return replay->finish() && good ? 0 : 1;
}

}  // namespace sallyport::control
