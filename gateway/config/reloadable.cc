// SPDX-License-Identifier: Apache-2.0
#include "gateway/config/reloadable.h"

#include <string>

namespace sallyport::config {
namespace {

bool same(const PortConfig& a, const PortConfig& b) {
    return a.name == b.name && a.device == b.device && a.role == b.role &&
           a.addresses == b.addresses && a.next_hops == b.next_hops && a.mtu == b.mtu;
}

bool same(const SinkConfig& a, const SinkConfig& b) {
    if (a.kafka.has_value() != b.kafka.has_value()) {
        return false;
    }
    if (a.file) {
        return a.file->name == b.file->name && a.file->path == b.file->path &&
               a.file->encoding == b.file->encoding;
    }
    return a.kafka->name == b.kafka->name && a.kafka->brokers == b.kafka->brokers &&
           a.kafka->topics.prefix == b.kafka->topics.prefix &&
           a.kafka->encoding == b.kafka->encoding && a.kafka->rdkafka == b.kafka->rdkafka &&
           a.kafka->tls.has_value() == b.kafka->tls.has_value() &&
           a.kafka->sasl.has_value() == b.kafka->sasl.has_value();
}

class Comparison {
public:
    Comparison(const Config& next, Problems& problems) : next_(next), problems_(problems) {}

    void require(bool unchanged, const std::string& key) {
        if (!unchanged) {
            problems_.push_back(next_.problem_at(key, key + ": changed; it needs a restart"));
        }
    }
    template <class T>
    void require_list(
        const std::vector<T>& running, const std::vector<T>& next, const std::string& key
    ) {
        require(running.size() == next.size(), key);
        for (std::size_t i = 0; i < running.size() && i < next.size(); ++i) {
            require(same(running[i], next[i]), key + "[" + std::to_string(i) + "]");
        }
    }

private:
    const Config& next_;
    Problems& problems_;
};

}  // namespace

void check_reloadable(const Config& running, const Config& next, Problems& problems) {
    Comparison compare(next, problems);
    compare.require(running.gateway.name == next.gateway.name, "gateway.name");
    compare.require(running.state_directory() == next.state_directory(), "gateway.state");
    const DataplaneSection& a = running.dataplane;
    const DataplaneSection& b = next.dataplane;
    compare.require(a.workers == b.workers, "dataplane.workers");
    compare.require(a.hugepages == b.hugepages, "dataplane.hugepages");
    compare.require(a.memory == b.memory, "dataplane.memory");
    compare.require(a.flows_max == b.flows_max, "dataplane.flows_max");
    compare.require(a.idle_sleep == b.idle_sleep, "dataplane.idle_sleep");
    compare.require(a.eal_args == b.eal_args, "dataplane.eal_args");
    compare.require_list(a.ports, b.ports, "dataplane.ports");
    const EventsSection& events = running.events;
    compare.require(
        events.spool.directory == next.events.spool.directory, "events.spool.directory"
    );
    compare.require(events.spool.size == next.events.spool.size, "events.spool.size");
    compare.require(events.spool.full == next.events.spool.full, "events.spool.full");
    compare.require_list(events.sinks, next.events.sinks, "events.sinks");
    compare.require(running.admin.socket == next.admin.socket, "admin.socket");
}

}  // namespace sallyport::config
