// SPDX-License-Identifier: Apache-2.0
#include "gateway/dataplane/runtime.h"

#include "gateway/dataplane/worker.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_malloc.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <fstream>
#include <memory>
#include <thread>

namespace sallyport::dataplane {
namespace {

constexpr unsigned kHandoverSize = 4096;
constexpr auto kAnySocket = static_cast<unsigned>(SOCKET_ID_ANY);
constexpr std::uint16_t kRxDescriptors = 1024;
constexpr std::uint16_t kTxDescriptors = 1024;
constexpr unsigned kMbufsPerWorker = 8192;
constexpr unsigned kMbufCache = 256;
/// Of 2 KiB, each direction and queue.
constexpr unsigned kAfPacketFrames = 4096;
constexpr std::uint64_t kNamesShare =
    16;  // names kept: one in so many flows, flows to one name share it

bool is_pci(const std::string& device) {
    return device.find(':') != std::string::npos && device.find("net_") == std::string::npos &&
           (std::isxdigit(static_cast<unsigned char>(device.front())) != 0);
}

// Name of the device as ethdev knows it: what stands before the first comma.
std::string device_name(const std::string& device) {
    return device.substr(0, device.find(','));
}

// An af_packet device has 512 frames by itself: 10 ms of a busy link's small packets, less than a
// worker on a shared core may be kept waiting. What overflows there, nobody counts.
std::string with_frames(const std::string& device) {
    const bool deaf =
        device.starts_with("net_af_packet") && device.find("framecnt=") == std::string::npos;
    return deaf ? device + ",framecnt=" + std::to_string(kAfPacketFrames) : device;
}

bool hugepages_free() {
    std::ifstream info("/proc/meminfo");
    std::string word;
    while (info >> word) {
        if (word == "HugePages_Free:") {
            std::uint64_t pages = 0;
            info >> pages;
            return pages >= 64;  // 128 MiB of 2 MiB pages: the buffers' share
        }
    }
    return false;
}

std::vector<std::string> eal_arguments(
    const RuntimeSettings& settings, std::uint16_t workers, bool huge
) {
    const unsigned cpus = std::max(1U, std::thread::hardware_concurrency());
    // Workers are pinned from the last CPU down. The control lcore, and every thread that starts
    // from it, floats over the CPUs that are left; over all, when none is.
    const unsigned control_cpus = workers < cpus ? cpus - workers : cpus;
    std::string lcores = "0@(0-" + std::to_string(control_cpus - 1) + ")";
    for (std::uint16_t i = 0; i < workers; ++i) {
        lcores += "," + std::to_string(i + 1) + "@" + std::to_string((cpus - 1 - i % cpus) % cpus);
    }
    std::vector<std::string> out{
        "sallyport",
        "--lcores=" + lcores,
        "--no-telemetry",
        "--log-level=lib.eal:warning",
        "--log-level=pmd:warning"};
    if (huge) {
        out.emplace_back("--in-memory");
    } else {
        out.insert(
            out.end(), {"--no-huge", "--no-shconf", "-m", std::to_string(settings.memory_megabytes)}
        );
    }
    bool pci = false;
    for (const PortSettings& port : settings.ports) {
        pci |= is_pci(port.device);
        out.push_back(
            is_pci(port.device) ? "--allow=" + port.device : "--vdev=" + with_frames(port.device)
        );
    }
    if (!pci) {
        out.emplace_back("--no-pci");
    }
    out.insert(out.end(), settings.eal_arguments.begin(), settings.eal_arguments.end());
    return out;
}

// Transmit queues that every port has: with `workers: auto` there are no more workers than that.
std::uint16_t queues_of(const std::vector<PortSettings>& ports) {
    std::uint16_t queues = RTE_MAX_LCORE;
    for (const PortSettings& port : ports) {
        std::uint16_t id = 0;
        rte_eth_dev_info info{};
        if (rte_eth_dev_get_port_by_name(device_name(port.device).c_str(), &id) == 0 &&
            rte_eth_dev_info_get(id, &info) == 0 && info.max_tx_queues != 0) {
            queues = std::min(queues, info.max_tx_queues);
        }
    }
    return queues;
}

Status start_eal(const std::vector<std::string>& arguments) {
    // EAL keeps and reorders the pointers it is given: they live as long as the process.
    static std::vector<std::string> kept;
    static std::vector<char*> pointers;
    kept = arguments;
    pointers.clear();
    for (std::string& argument : kept) {
        pointers.push_back(argument.data());
    }
    if (rte_eal_init(static_cast<int>(pointers.size()), pointers.data()) < 0) {
        std::string line;
        for (const std::string& argument : arguments) {
            line += ' ' + argument;
        }
        return Error{
            std::string("DPDK did not start: ") + rte_strerror(rte_errno) + " (arguments:" + line +
            ")"};
    }
    return Done{};
}

}  // namespace

struct Runtime::State {
    RuntimeSettings settings;
    std::uint16_t workers = 1;
    bool huge = false;
    std::vector<PortView> ports;
    std::vector<std::uint16_t> device_ids;
    std::vector<std::uint16_t> rx_queue_counts;
    rte_mempool* pool = nullptr;
    std::vector<rte_ring*> handover;
    std::unique_ptr<NeighbourTable> neighbours = std::make_unique<NeighbourTable>();
    WorkerShared shared;
    std::vector<std::unique_ptr<Worker>> worker;
    std::shared_ptr<const Snapshot> current;
    bool launched = false;

    std::vector<std::string> notes;

    std::uint16_t set_mtu(std::uint16_t id, const PortSettings& port);
    void take_multicast(std::uint16_t id, const PortSettings& port);
    Status open_port(const PortSettings& port);
    void make_workers();
};

// The MTU in force. A device that keeps its own is no reason not to start: what does not fit is
// dropped here, and its sender told.
std::uint16_t Runtime::State::set_mtu(std::uint16_t id, const PortSettings& port) {
    const int code = rte_eth_dev_set_mtu(id, port.mtu);
    std::uint16_t actual = 0;
    if (code == 0 || (rte_eth_dev_get_mtu(id, &actual) == 0 && actual == port.mtu)) {
        return port.mtu;
    }
    const std::uint16_t used = actual == 0 ? port.mtu : std::min(actual, port.mtu);
    notes.push_back(
        "dataplane.ports: " + port.name + ": mtu: device \"" + port.device + "\" refuses \"" +
        std::to_string(port.mtu) + "\" (" + rte_strerror(-code) + "), " + std::to_string(used) +
        " is used"
    );
    return used;
}

// Neighbour discovery is sent to multicast groups. A device without the switch may hear them all
// the same.
void Runtime::State::take_multicast(std::uint16_t id, const PortSettings& port) {
    const int code = rte_eth_allmulticast_enable(id);
    if (code != 0 && code != -ENOTSUP) {
        notes.push_back(
            "dataplane.ports: " + port.name + ": device \"" + port.device +
            "\" does not take multicast: " + rte_strerror(-code) +
            "; IPv6 neighbours may not find it"
        );
    }
}

Status Runtime::State::open_port(const PortSettings& port) {
    const auto fail = [&port](const std::string& what, int code) {
        return Error{
            "dataplane.ports: " + port.name + ": device \"" + port.device + "\" " + what + ": " +
            rte_strerror(-code)};
    };
    std::uint16_t id = 0;
    if (const int code = rte_eth_dev_get_port_by_name(device_name(port.device).c_str(), &id);
        code != 0) {
        return fail("does not exist or has no driver here", code);
    }
    rte_eth_dev_info info{};
    if (const int code = rte_eth_dev_info_get(id, &info); code != 0) {
        return fail("gives no information", code);
    }
    const auto rx_queues =
        static_cast<std::uint16_t>(std::min<unsigned>(workers, info.max_rx_queues));
    const std::uint16_t tx_queues = workers;
    if (info.max_tx_queues < workers) {
        return Error{
            "dataplane.ports: " + port.name + ": device \"" + port.device + "\" has " +
            std::to_string(info.max_tx_queues) + " transmit queues, " + std::to_string(workers) +
            " workers need one each"};
    }
    rte_eth_conf conf{};
    if (rx_queues > 1) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf =
            (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP) & info.flow_type_rss_offloads;
    }
    if (const int code = rte_eth_dev_configure(id, rx_queues, tx_queues, &conf); code != 0) {
        return fail("refuses its configuration", code);
    }
    std::uint16_t rx = kRxDescriptors;
    std::uint16_t tx = kTxDescriptors;
    rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx, &tx);
    for (std::uint16_t queue = 0; queue < rx_queues; ++queue) {
        if (const int code = rte_eth_rx_queue_setup(id, queue, rx, kAnySocket, nullptr, pool);
            code != 0) {
            return fail("has no receive queue " + std::to_string(queue), code);
        }
    }
    for (std::uint16_t queue = 0; queue < tx_queues; ++queue) {
        if (const int code = rte_eth_tx_queue_setup(id, queue, tx, kAnySocket, nullptr);
            code != 0) {
            return fail("has no transmit queue " + std::to_string(queue), code);
        }
    }
    const std::uint16_t mtu = set_mtu(id, port);
    if (const int code = rte_eth_dev_start(id); code != 0) {
        return fail("does not start", code);
    }
    take_multicast(id, port);
    PortView view;
    view.name = port.name;
    view.role = port.role;
    view.mtu = mtu;
    view.addresses = port.addresses;
    view.next_hop_v4 = port.next_hop_v4;
    view.next_hop_v6 = port.next_hop_v6;
    rte_ether_addr link{};
    if (const int code = rte_eth_macaddr_get(id, &link); code != 0) {
        return fail("has no link address", code);
    }
    std::memcpy(view.link.data(), link.addr_bytes, 6);
    ports.push_back(std::move(view));
    device_ids.push_back(id);
    rx_queue_counts.push_back(rx_queues);
    return Done{};
}

void Runtime::State::make_workers() {
    for (std::uint16_t i = 0; i < workers && workers > 1; ++i) {
        handover.push_back(rte_ring_create(
            ("handover" + std::to_string(i)).c_str(), kHandoverSize, SOCKET_ID_ANY, RING_F_SC_DEQ
        ));
    }
    for (std::uint16_t i = 0; i < workers; ++i) {
        PipelineSettings pipeline;
        pipeline.worker = i;
        pipeline.workers = workers;
        pipeline.flows_max = std::max(64U, settings.flows_max / workers);
        pipeline.flows6_max = std::max(64U, pipeline.flows_max / 8);
        pipeline.names_max = static_cast<std::uint32_t>(
            std::max<std::uint64_t>(1024, pipeline.flows_max / kNamesShare)
        );
        pipeline.boot = settings.boot;
        std::vector<std::uint16_t> rx;
        for (std::size_t port = 0; port < device_ids.size(); ++port) {
            rx.push_back(i < rx_queue_counts[port] ? i : EthdevIo::kNoQueue);
            pipeline.distribute |= rx_queue_counts[port] < workers;
        }
        auto io = std::make_unique<EthdevIo>(
            device_ids, rx, std::vector<std::uint16_t>(device_ids.size(), i), pool, handover, i
        );
        worker.push_back(std::make_unique<Worker>(
            pipeline, std::move(io), *neighbours, shared, settings.idle_sleep_us
        ));
    }
    shared.quiescence = static_cast<rte_rcu_qsbr*>(
        rte_zmalloc(nullptr, rte_rcu_qsbr_get_memsize(workers), RTE_CACHE_LINE_SIZE)
    );
    rte_rcu_qsbr_init(shared.quiescence, workers);
    for (std::size_t port = 0; port < ports.size(); ++port) {
        for (const IpAddress& hop : {ports[port].next_hop_v4, ports[port].next_hop_v6}) {
            if (hop.family != IpFamily::none) {
                (void)neighbours->find_or_add(hop, static_cast<std::uint16_t>(port));
            }
        }
    }
}

Result<std::unique_ptr<Runtime>> Runtime::start(const RuntimeSettings& settings) {
    auto state = std::make_unique<State>();
    state->settings = settings;
    const unsigned cpus = std::max(1U, std::thread::hardware_concurrency());
    state->workers = settings.workers != 0 ? settings.workers
                                           : static_cast<std::uint16_t>(std::max(1U, cpus - 1));
    const bool free_pages = hugepages_free();
    if (settings.hugepages == Hugepages::required && !free_pages) {
        return Error{
            "dataplane.hugepages: \"required\", but /proc/meminfo shows fewer than 64 free; "
            "reserve some with: echo 512 > /proc/sys/vm/nr_hugepages"};
    }
    state->huge = settings.hugepages != Hugepages::off && free_pages;
    if (const Status eal = start_eal(eal_arguments(settings, state->workers, state->huge)); !eal) {
        return eal.error();
    }
    if (settings.workers == 0) {
        state->workers = std::min(state->workers, queues_of(settings.ports));
    }
    state->pool = rte_pktmbuf_pool_create(
        "packets",
        kMbufsPerWorker * state->workers,
        kMbufCache,
        0,
        RTE_MBUF_DEFAULT_BUF_SIZE,
        SOCKET_ID_ANY
    );
    if (state->pool == nullptr) {
        return Error{std::string("no memory for packet buffers: ") + rte_strerror(rte_errno)};
    }
    for (const PortSettings& port : settings.ports) {
        if (const Status opened = state->open_port(port); !opened) {
            return opened.error();
        }
    }
    try {
        state->make_workers();
    } catch (const std::bad_alloc&) {
        return Error{
            "dataplane.flows_max: \"" + std::to_string(settings.flows_max) +
            "\" flows need more memory than there is"};
    }
    return std::unique_ptr<Runtime>(new Runtime(std::move(state)));
}

Runtime::Runtime(std::unique_ptr<State> state) : state_(std::move(state)) {}

Runtime::~Runtime() {
    request_stop();
    abandon();
    if (state_->launched) {
        rte_eal_mp_wait_lcore();
    }
    for (const std::uint16_t id : state_->device_ids) {
        rte_eth_dev_stop(id);
        rte_eth_dev_close(id);
    }
    state_->worker.clear();
    rte_free(state_->shared.quiescence);
    rte_eal_cleanup();
}

std::uint16_t Runtime::workers() const noexcept {
    return state_->workers;
}
const std::vector<PortView>& Runtime::ports() const noexcept {
    return state_->ports;
}
const std::vector<std::string>& Runtime::notes() const noexcept {
    return state_->notes;
}
bool Runtime::uses_hugepages() const noexcept {
    return state_->huge;
}

void Runtime::launch(std::shared_ptr<const Snapshot> snapshot) {
    state_->current = std::move(snapshot);
    state_->shared.snapshot = state_->current.get();
    std::size_t next = 0;
    unsigned lcore = 0;
    RTE_LCORE_FOREACH_WORKER (lcore) {
        if (next < state_->worker.size()) {
            rte_eal_remote_launch(&Worker::main, state_->worker[next++].get(), lcore);
        }
    }
    state_->launched = true;
}

void Runtime::publish(std::shared_ptr<const Snapshot> snapshot) {
    const std::shared_ptr<const Snapshot> old = state_->current;
    state_->current = std::move(snapshot);
    state_->shared.snapshot.store(state_->current.get(), std::memory_order_release);
    rte_rcu_qsbr_synchronize(state_->shared.quiescence, RTE_QSBR_THRID_INVALID);
}

void Runtime::request_stop() noexcept {
    state_->shared.stop = true;
}
void Runtime::abandon() noexcept {
    state_->shared.abandon = true;
}

bool Runtime::stopped() const noexcept {
    return std::all_of(state_->worker.begin(), state_->worker.end(), [](const auto& worker) {
        return worker->stopped.load();
    });
}

EventRings& Runtime::events(std::uint16_t worker) noexcept {
    return state_->worker[worker]->events;
}
const Counters& Runtime::counters(std::uint16_t worker) const noexcept {
    return state_->worker[worker]->counters;
}

PortStatistics Runtime::port_statistics(std::size_t port) const {
    PortStatistics out;
    rte_eth_stats stats{};
    rte_eth_link link{};
    const std::uint16_t id = state_->device_ids[port];
    if (rte_eth_stats_get(id, &stats) == 0) {
        out.received_packets = stats.ipackets;
        out.received_bytes = stats.ibytes;
        out.transmitted_packets = stats.opackets;
        out.transmitted_bytes = stats.obytes;
        out.missed_packets = stats.imissed + stats.rx_nombuf;
        out.errors = stats.ierrors + stats.oerrors;
    }
    out.link_up = rte_eth_link_get_nowait(id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
    return out;
}

std::uint64_t Runtime::cycles_since_start(std::uint16_t worker) const noexcept {
    const std::uint64_t started = state_->worker[worker]->started_cycles;
    return started == 0 ? 0 : rte_rdtsc() - started;
}

}  // namespace sallyport::dataplane
