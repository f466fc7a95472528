// SPDX-License-Identifier: Apache-2.0
// A whole pipeline in memory: two ports, a pool, workloads, policy, feeds and a clock that a test
// moves. What is sent in comes back as frames and events; after every step the rig checks what must
// hold always: every packet left by one door, nothing leaves outside with a foreign source, every
// buffer came back, every event sequence number is accounted for. A breach throws std::logic_error.
//
//   inside 10.42.0.1/16, fd00:42::1/64   +---------+   outside 192.0.2.2/24, 2001:db8:1::2/64
//   pods 10.42.1.x ----------------------| gateway |---------------------- next hop 192.0.2.1
//                                        +---------+   pool 192.0.2.16
#pragma once

#include "classifier/threat_database.h"
#include "gateway/dataplane/memory_io.h"
#include "gateway/dataplane/pipeline.h"
#include "tests/support/bytes.h"
#include "tests/support/frames.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport::test {

inline constexpr std::uint16_t kInsidePort = 0;
inline constexpr std::uint16_t kOutsidePort = 1;
inline constexpr std::string_view kOutsideMac = "02:00:00:00:00:03";  ///< ours, on the outside
inline constexpr std::string_view kNextHopMac = "02:00:00:00:00:fe";

// Who is in the cluster unless a test says otherwise.
inline constexpr std::string_view kApiAddress = "10.42.1.5";  ///< payments/api
inline constexpr std::string_view kApiAddress6 = "fd00:42::5";
inline constexpr std::string_view kWebAddress = "10.42.1.6";      ///< frontend/web
inline constexpr std::string_view kTwiceAddress = "10.42.1.7";    ///< claimed by two pods
inline constexpr std::string_view kNobodyAddress = "10.42.9.9";   ///< claimed by none
inline constexpr std::string_view kPoolessAddress = "10.42.1.8";  ///< its namespace has no pool
inline constexpr std::string_view kServerAddress = "198.51.100.7";
inline constexpr std::string_view kServerAddress6 = "2001:db8:9::7";
inline constexpr std::string_view kPoolAddress = "192.0.2.16";
inline constexpr WorkloadId kApiWorkload = 2;
inline constexpr WorkloadId kWebWorkload = 3;

struct SentFrame {
    std::uint16_t port = 0;
    Bytes bytes;
    /// Throws when the frame cannot be read.
    [[nodiscard]] Frame frame() const;
};
using SentFrames = std::vector<SentFrame>;

struct ReceivedFrame {
    Bytes bytes;
    std::uint16_t port = kInsidePort;
};

/// One entry of a threat feed: a name (with everything below it), an address or prefix, or
/// address:port.
struct FeedEntry {
    std::string text;
    FeedAction action = FeedAction::deny;
};
/// One feed an action, named "deny", "alert" and "allow".
std::shared_ptr<const classifier::ThreatDatabase> make_threats(const std::vector<FeedEntry>& entries
);

/// One GlobalNetworkPolicy for all pods with these egress rules (flow YAML, one an entry).
std::string policy_text(const std::vector<std::string>& rules, std::string_view name = "test");

struct RigSettings {
    dataplane::PipelineSettings pipeline{
        .flows_max = 4096, .flows6_max = 512, .names_max = 256, .seed = 7};
    dataplane::Behaviour behaviour;
    std::string policy;              ///< text of Calico objects; empty: none
    std::vector<FeedEntry> threats;  ///< empty: no feeds
    /// A new generation may leave addresses out, not add any.
    std::vector<std::string> pool{std::string(kPoolAddress)};
    std::uint32_t block_size = 64;
    classifier::LinkType link = classifier::LinkType::ethernet;
    bool next_hops_known = true;  ///< false: they have to be asked for
    /// Frames sent must have right checksums, as those of PacketBuilder have; off for hostile ones.
    bool check_checksums = true;
    std::uint16_t inside_mtu = 1500;
    std::uint16_t outside_mtu = 1500;
    /// Who is in the cluster; empty: rig_workloads().
    std::vector<Workload> workloads;
    std::uint64_t monotonic_start_seconds = 100'000;  ///< a machine that has been up for a while
};

/// What PacketIo::transmit takes.
template <class T>
struct ArgumentOf;
template <class Class, class Argument>
struct ArgumentOf<std::size_t (Class::*)(Argument) noexcept> {
    using Type = Argument;
};
using Frames = ArgumentOf<decltype(&dataplane::PacketIo::transmit)>::Type;

/// Devices of the rig: MemoryIo, and a queue and a hand-over that a test can make refuse.
class RigIo final : public dataplane::PacketIo {
public:
    explicit RigIo(std::function<void(const dataplane::Packet&)> sink);
    std::size_t transmit(Frames packets) noexcept override;
    void release(const dataplane::Packet& packet) noexcept override { memory.release(packet); }
    dataplane::Packet allocate() noexcept override { return memory.allocate(); }
    bool hand_over(std::uint16_t worker, const dataplane::Packet& packet) noexcept override;

    static constexpr std::size_t kBuffers = 512;
    dataplane::MemoryIo memory;
    std::size_t transmit_room = SIZE_MAX;  ///< packets the queue still takes
    std::function<bool(std::uint16_t worker, ReceivedFrame frame)> on_hand_over;
};

class PipelineRig {
public:
    /// `neighbours`: of another rig, when both are workers of one gateway.
    explicit PipelineRig(
        RigSettings settings = {}, std::shared_ptr<dataplane::NeighbourTable> neighbours = nullptr
    );

    /// One frame in; every frame that went out because of it.
    SentFrames send(const Bytes& frame, std::uint16_t port = kInsidePort);
    /// At most kBatchSize frames as one burst.
    SentFrames send_burst(const std::vector<ReceivedFrame>& frames);
    /// Moves the clock in steps of a second at most, housekeeping at each.
    SentFrames advance(std::chrono::nanoseconds by);
    SentFrames housekeep();
    /// As at SIGTERM: true when every flow has been told.
    bool drain(std::size_t flows_most = SIZE_MAX);

    /// Events since the last call, in sequence order; sheds are allowed only where a test expects
    /// them.
    std::vector<Event> events();
    /// The same without those of other kinds.
    std::vector<Event> events(EventKind kind);
    /// Leaves events in the rings, as a stalled spooler does.
    void stall_spooler(bool stalled) { spooler_stalled_ = stalled; }

    /// Puts a new generation in force, made from the changed settings.
    void publish(const std::function<void(RigSettings&)>& change);

    [[nodiscard]] std::uint64_t drops(DropReason reason) const;
    /// Drops over all reasons but `consumed`.
    [[nodiscard]] std::uint64_t lost() const;
    [[nodiscard]] const dataplane::Counters& counters() const { return *counters_; }
    [[nodiscard]] dataplane::Pipeline& pipeline() { return *pipeline_; }
    [[nodiscard]] dataplane::Snapshot& snapshot() { return *snapshot_; }
    [[nodiscard]] const std::shared_ptr<dataplane::NeighbourTable>& neighbours() {
        return neighbours_;
    }
    [[nodiscard]] RigIo& io() { return *io_; }
    [[nodiscard]] dataplane::EventRings& rings() { return *rings_; }
    [[nodiscard]] const dataplane::Now& now() const { return now_; }
    [[nodiscard]] std::size_t flow_count() const {
        return pipeline_->flows4().size() + pipeline_->flows6().size();
    }
    /// Rule id of an event, "" when none.
    [[nodiscard]] std::string rule_of(const Event& event) const;

    /// Learns what the next hops' stations are.
    void learn_next_hops();

private:
    void build_snapshot();
    void sent(const dataplane::Packet& packet);
    void collect();
    SentFrames finish();
    void check_doors() const;
    void check_frame(const SentFrame& sent) const;

    RigSettings settings_;
    std::uint32_t generation_ = 0;
    std::shared_ptr<dataplane::NeighbourTable> neighbours_;
    std::vector<std::vector<std::unique_ptr<dataplane::AddressPorts>>> egress_;
    std::unique_ptr<dataplane::Snapshot> snapshot_;
    std::vector<std::unique_ptr<dataplane::Snapshot>> old_snapshots_;
    std::unique_ptr<RigIo> io_;
    std::unique_ptr<dataplane::EventRings> rings_;
    std::unique_ptr<dataplane::Counters> counters_;
    std::unique_ptr<dataplane::Pipeline> pipeline_;
    dataplane::Batch batch_;
    dataplane::Now now_;
    SentFrames sent_;
    std::vector<Event> events_;
    std::uint64_t last_sequence_ = 0;
    std::uint64_t holes_ = 0;       ///< sequence numbers missing so far
    std::uint64_t told_holes_ = 0;  ///< of which events_shed has told
    bool spooler_stalled_ = false;
    std::string problem_;
};

/// Pods and a node as described by the constants above.
std::vector<Workload> rig_workloads();

}  // namespace sallyport::test
