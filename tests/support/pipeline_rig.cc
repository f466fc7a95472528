// SPDX-License-Identifier: Apache-2.0
#include "tests/support/pipeline_rig.h"

#include "classifier/threat_builder.h"
#include "gateway/policy/compiler.h"
#include "gateway/policy/policy_check.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_directory.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace sallyport::test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000U;

dataplane::LinkAddress link_address(std::string_view text) {
    dataplane::LinkAddress out{};
    unsigned b[6] = {};
    if (std::sscanf(
            std::string(text).c_str(), "%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]
        ) != 6) {
        throw std::invalid_argument("not a MAC address");
    }
    for (std::size_t i = 0; i < 6; ++i) {
        out[i] = static_cast<std::uint8_t>(b[i]);
    }
    return out;
}

IpAddress address(std::string_view text) {
    return IpAddress::parse(text).value();
}

Workload pod(
    std::string namespace_name, std::string name, const std::vector<std::string_view>& addresses
) {
    Workload out;
    out.kind = Workload::Kind::pod;
    out.live = true;
    out.namespace_name = std::move(namespace_name);
    out.pod = std::move(name);
    out.uid = out.namespace_name + '/' + out.pod;
    out.labels = {{"app", out.pod}};
    for (const std::string_view text : addresses) {
        out.addresses.push_back(address(text));
    }
    return out;
}

std::shared_ptr<const policy::PolicySet> make_policy(
    const std::string& text, const WorkloadTable& table
) {
    policy::PolicyReading reading;
    if (!text.empty()) {
        policy::read_policy_text(text, "policy.yaml", reading);
    }
    policy::check_policies(reading.objects, reading.problems, reading.notes);
    if (!reading.problems.empty()) {
        throw std::invalid_argument(reading.problems.front().text());
    }
    auto compiled = policy::compile(reading.objects, table);
    if (!compiled) {
        throw std::invalid_argument(compiled.error().message);
    }
    return compiled.value();
}

std::vector<dataplane::PortView> make_ports() {
    dataplane::PortView inside;
    inside.name = "inside";
    inside.role = dataplane::PortRole::inside;
    inside.link = link_address("02:00:00:00:00:02");
    inside.addresses = {*IpPrefix::parse("10.42.0.1/16"), *IpPrefix::parse("fd00:42::1/64")};
    dataplane::PortView outside;
    outside.name = "outside";
    outside.role = dataplane::PortRole::outside;
    outside.link = link_address(kOutsideMac);
    outside.addresses = {*IpPrefix::parse("192.0.2.2/24"), *IpPrefix::parse("2001:db8:1::2/64")};
    outside.next_hop_v4 = address("192.0.2.1");
    outside.next_hop_v6 = address("2001:db8:1::1");
    return {inside, outside};
}

}  // namespace

std::vector<Workload> rig_workloads() {
    std::vector<Workload> all(2);
    all.push_back(pod("payments", "api", {kApiAddress, kApiAddress6}));
    all.push_back(pod("frontend", "web", {kWebAddress}));
    all.push_back(pod("frontend", "one", {kTwiceAddress}));
    all.push_back(pod("frontend", "two", {kTwiceAddress}));
    all.push_back(pod("elsewhere", "lost", {kPoolessAddress}));
    return all;
}

std::shared_ptr<const classifier::ThreatDatabase> make_threats(const std::vector<FeedEntry>& entries
) {
    if (entries.empty()) {
        return classifier::ThreatDatabase::empty();
    }
    std::vector<FeedNames> feeds;
    for (const FeedAction action : {FeedAction::alert, FeedAction::deny, FeedAction::allow}) {
        feeds.push_back({std::string(name_of(action)), "malware", action, 80});
    }
    classifier::ThreatBuilder builder(feeds, {1, 2}, {3, 4});
    const std::uint16_t file = builder.add_file("feed.txt");
    std::uint32_t line = 0;
    for (const FeedEntry& entry : entries) {
        const classifier::Origin origin{
            static_cast<std::uint16_t>(entry.action), file, ++line, entry.action};
        const auto colon = entry.text.rfind(':');
        const auto host = IpAddress::parse(entry.text.substr(0, colon));
        if (const auto prefix = IpPrefix::parse(entry.text)) {
            builder.add_prefix(prefix->canonical(), origin);
        } else if (colon != std::string::npos && host) {
            const int port = std::stoi(entry.text.substr(colon + 1));
            builder.add_pair(*host, static_cast<std::uint16_t>(port), origin);
        } else {
            builder.add_name(IndicatorType::suffix, entry.text, origin);
        }
    }
    const TemporaryDirectory directory;
    std::ofstream out(directory.file("threats"), std::ios::binary);
    const Status written = builder.finish({1}, [&out](std::span<const std::byte> bytes) {
        out.write(
            reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())
        );
        return static_cast<bool>(out);
    });
    out.close();
    auto opened = classifier::ThreatDatabase::open(directory.file("threats"), "");
    if (!written || !opened) {
        throw std::runtime_error(written ? opened.error().message : written.error().message);
    }
    return opened.value();
}

std::string policy_text(const std::vector<std::string>& rules, std::string_view name) {
    std::string out = "---\napiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\n";
    out += "metadata: {name: " + std::string(name) + "}\nspec:\n  types: [Egress]\n  egress:\n";
    for (const std::string& rule : rules) {
        out += "    - {" + rule + "}\n";
    }
    return out;
}

Frame SentFrame::frame() const {
    const auto read = parse_frame(bytes);
    if (!read) {
        throw std::logic_error("a frame that cannot be read:\n" + to_hex(bytes));
    }
    return *read;
}

RigIo::RigIo(std::function<void(const dataplane::Packet&)> sink)
    : memory(kBuffers, std::move(sink)) {}

std::size_t RigIo::transmit(Frames packets) noexcept {
    const std::size_t taken = std::min(transmit_room, packets.size());
    memory.transmit(packets.first(taken));
    transmit_room -= transmit_room == SIZE_MAX ? 0 : taken;
    for (auto& packet : packets.subspan(taken)) {
        packet->refused = true;
    }
    return packets.size() - taken;
}

bool RigIo::hand_over(std::uint16_t worker, const dataplane::Packet& packet) noexcept {
    ReceivedFrame frame{{packet.data, packet.data + packet.size}, packet.port};
    if (!on_hand_over || !on_hand_over(worker, std::move(frame))) {
        return false;
    }
    memory.release(packet);
    return true;
}

PipelineRig::PipelineRig(
    RigSettings settings, std::shared_ptr<dataplane::NeighbourTable> neighbours
)
    : settings_(std::move(settings)),
      neighbours_(neighbours ? neighbours : std::make_shared<dataplane::NeighbourTable>()),
      io_(std::make_unique<RigIo>([this](const dataplane::Packet& packet) { sent(packet); })),
      rings_(std::make_unique<dataplane::EventRings>()),
      counters_(std::make_unique<dataplane::Counters>()),
      pipeline_(std::make_unique<dataplane::Pipeline>(
          settings_.pipeline, *io_, *neighbours_, *rings_, *counters_
      )),
      now_{settings_.monotonic_start_seconds * kSecond, FakeClock::kWallStart} {
    for (const std::string& text : settings_.pool) {
        auto& row = egress_.emplace_back();
        for (std::uint16_t worker = 0; worker < settings_.pipeline.workers; ++worker) {
            row.push_back(std::make_unique<dataplane::AddressPorts>(
                address(text).v4_raw(),
                settings_.block_size,
                worker,
                settings_.pipeline.workers,
                7 + worker
            ));
        }
    }
    build_snapshot();
    if (settings_.next_hops_known) {
        learn_next_hops();
    }
    (void)housekeep();
}

void PipelineRig::learn_next_hops() {
    for (const std::string_view hop : {"192.0.2.1", "2001:db8:1::1"}) {
        neighbours_->learn(
            neighbours_->find_or_add(address(hop), kOutsidePort),
            link_address(kNextHopMac),
            now_.seconds()
        );
    }
}

void PipelineRig::build_snapshot() {
    auto out = std::make_unique<dataplane::Snapshot>();
    out->generation = ++generation_;
    out->behaviour = settings_.behaviour;
    auto workloads = std::make_shared<WorkloadTable>(
        settings_.workloads.empty() ? rig_workloads() : settings_.workloads
    );
    out->workloads = workloads;
    out->policy = make_policy(settings_.policy, *workloads);
    out->threats = make_threats(settings_.threats);
    for (std::uint16_t worker = 0; worker < settings_.pipeline.workers; ++worker) {
        out->scratch.push_back(out->threats->make_scratch().value());
    }
    out->pool_of.assign(workloads->size(), 0);
    out->pool_of.at(rig_workloads().size() - 1) = kNoPool;  // elsewhere/lost
    out->ports = make_ports();
    out->ports[kInsidePort].mtu = settings_.inside_mtu;
    out->ports[kOutsidePort].mtu = settings_.outside_mtu;
    out->block_size = settings_.block_size;
    dataplane::PoolView pool;
    pool.name = "default";
    for (std::uint32_t i = 0; i < egress_.size(); ++i) {
        const std::string text = IpAddress::v4_raw(egress_[i].front()->address()).text();
        if (std::count(settings_.pool.begin(), settings_.pool.end(), text) != 0) {
            pool.addresses.push_back(i);
        }
        auto& row = out->egress.emplace_back();
        for (const auto& ports : egress_[i]) {
            row.push_back(ports.get());
        }
    }
    out->pools.push_back(std::move(pool));
    out->order_egress();
    if (snapshot_) {
        old_snapshots_.push_back(std::move(snapshot_));
    }
    snapshot_ = std::move(out);
}

void PipelineRig::publish(const std::function<void(RigSettings&)>& change) {
    change(settings_);
    build_snapshot();
}

void PipelineRig::sent(const dataplane::Packet& packet) {
    sent_.push_back({packet.port, {packet.data, packet.data + packet.size}});
}

SentFrames PipelineRig::send(const Bytes& frame, std::uint16_t port) {
    return send_burst({{frame, port}});
}

SentFrames PipelineRig::send_burst(const std::vector<ReceivedFrame>& frames) {
    batch_.size = 0;
    for (const ReceivedFrame& frame : frames) {
        batch_.packets.at(batch_.size) = io_->memory.load(frame.bytes, frame.port, settings_.link);
        if (batch_.packets[batch_.size].buffer == nullptr) {
            throw std::logic_error("no buffer is free: one was not given back");
        }
        ++batch_.size;
    }
    pipeline_->process(batch_, *snapshot_, now_);
    return finish();
}

SentFrames PipelineRig::housekeep() {
    pipeline_->housekeep(*snapshot_, now_);
    return finish();
}

SentFrames PipelineRig::advance(std::chrono::nanoseconds by) {
    // Housekeeping takes a budgeted number of flows off the wheel a call; a worker calls it often.
    constexpr int kCallsPerStep = 4;
    SentFrames out;
    for (auto left = static_cast<std::uint64_t>(by.count()); left != 0;) {
        const std::uint64_t step = std::min(left, kSecond);
        left -= step;
        now_.monotonic_ns += step;
        now_.wall_ns += step;
        for (int i = 0; i < kCallsPerStep; ++i) {
            const std::size_t before = flow_count();
            SentFrames some = housekeep();
            std::move(some.begin(), some.end(), std::back_inserter(out));
            i = flow_count() != before ? 0 : i;
        }
    }
    return out;
}

bool PipelineRig::drain(std::size_t flows_most) {
    const bool done = pipeline_->drain(*snapshot_, now_, flows_most);
    (void)finish();
    return done;
}

SentFrames PipelineRig::finish() {
    if (!spooler_stalled_) {
        collect();
    }
    check_doors();
    SentFrames out;
    out.swap(sent_);
    for (const SentFrame& frame : out) {
        check_frame(frame);
    }
    return out;
}

void PipelineRig::collect() {
    const std::size_t first = events_.size();
    const auto take = [this](const Event& event) { events_.push_back(event); };
    rings_->traffic.drain(SIZE_MAX, take);
    rings_->security.drain(SIZE_MAX, take);
    std::sort(
        events_.begin() + static_cast<std::ptrdiff_t>(first),
        events_.end(),
        [](const Event& a, const Event& b) { return a.sequence < b.sequence; }
    );
    for (std::size_t i = first; i < events_.size(); ++i) {
        const Event& event = events_[i];
        if (event.sequence <= last_sequence_) {
            throw std::logic_error("an event's sequence number was used twice or went back");
        }
        holes_ += event.sequence - last_sequence_ - 1;
        last_sequence_ = event.sequence;
        if (event.kind == EventKind::events_shed) {
            told_holes_ += event.loss_count;
            if (event.loss_last_sequence >= event.sequence ||
                event.loss_last_sequence - event.loss_first_sequence + 1 < event.loss_count) {
                throw std::logic_error("events_shed tells of a range that cannot hold its count");
            }
        }
    }
    if (told_holes_ > holes_) {
        throw std::logic_error("events_shed tells of more events than are missing");
    }
    if (counters_->events_shed.get() == told_holes_ && holes_ != told_holes_) {
        throw std::logic_error("event sequence numbers are missing that nothing tells of");
    }
}

std::vector<Event> PipelineRig::events() {
    collect();
    return std::exchange(events_, {});
}

std::vector<Event> PipelineRig::events(EventKind kind) {
    std::vector<Event> all = events();
    std::erase_if(all, [kind](const Event& event) { return event.kind != kind; });
    return all;
}

std::uint64_t PipelineRig::drops(DropReason reason) const {
    return counters_->drops[static_cast<std::size_t>(reason)].get();
}

std::uint64_t PipelineRig::lost() const {
    std::uint64_t out = 0;
    for (const auto& counter : counters_->drops) {
        out += counter.get();
    }
    return out - drops(DropReason::consumed);
}

std::string PipelineRig::rule_of(const Event& event) const {
    return event.rule == kNoRule ? std::string() : snapshot_->policy->rules().at(event.rule).id;
}

void PipelineRig::check_doors() const {
    const std::uint64_t left = counters_->transmitted_packets.get() + lost() +
                               drops(DropReason::consumed) + counters_->pending_packets.get() +
                               counters_->handed_over.get();
    if (counters_->received_packets.get() != left) {
        throw std::logic_error(
            "received " + std::to_string(counters_->received_packets.get()) + ", but " +
            std::to_string(left) + " left by a door"
        );
    }
    if (drops(DropReason::none) != 0) {
        throw std::logic_error("a packet was dropped for no reason");
    }
    if (io_->memory.free_buffers() + counters_->pending_packets.get() != RigIo::kBuffers) {
        throw std::logic_error("a buffer was lost or given back twice");
    }
}

// N3: nothing leaves with a source that is neither an egress address nor our own.
void PipelineRig::check_frame(const SentFrame& sent) const {
    if (settings_.link != classifier::LinkType::ethernet || settings_.behaviour.capture) {
        return;
    }
    const Frame frame = sent.frame();
    if (sent.port == kOutsidePort && frame.source.is_v4() && settings_.behaviour.translate) {
        const bool own = frame.source == address("192.0.2.2");
        if (!own && !snapshot_->owns_egress_address(frame.source.v4_raw())) {
            throw std::logic_error("left untranslated, from " + frame.source.text());
        }
    }
    const std::string_view mac = sent.port == kOutsidePort ? kOutsideMac : "02:00:00:00:00:02";
    if (frame.source_mac != mac) {
        throw std::logic_error("a frame from a station that is not us: " + frame.source_mac);
    }
    if (settings_.check_checksums && frame.arp_operation == 0 &&
        (!frame.ip_checksum_ok || !frame.transport_checksum_ok)) {
        throw std::logic_error("a wrong checksum in\n" + to_hex(sent.bytes));
    }
}

}  // namespace sallyport::test
