// SPDX-License-Identifier: Apache-2.0
// Nanoseconds a payload, for what workers read most: one DNS query and answer, a ClientHello of a
// browser's size, an HTTP request head of a browser's size. Payloads differ from one iteration to
// the next, so that branch prediction does not learn one name by heart.
#include "classifier/classify.h"
#include "tests/support/packet_bytes.h"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <string>
#include <vector>

namespace sallyport {
namespace {

using test::Bytes;
using test::ClientHello;
using test::DnsMessage;

constexpr std::size_t kPayloads = 256;  // a power of two

std::string host(std::size_t i) {
    const std::string n = std::to_string(i);
    return i % 2 == 0 ? "api-" + n + ".eu-west-1.example.com" : "www" + n + ".example";
}

template <class Make>
std::vector<Bytes> payloads(Make make) {
    std::vector<Bytes> out;
    for (std::size_t i = 0; i < kPayloads; ++i) {
        out.push_back(make(host(i)));
    }
    return out;
}

void report(benchmark::State& state, const std::vector<Bytes>& all) {
    std::size_t bytes = 0;
    for (const Bytes& payload : all) {
        bytes += payload.size();
    }
    state.counters["bytes"] = static_cast<double>(bytes) / static_cast<double>(all.size());
    state.SetItemsProcessed(state.iterations());
}

void run_udp(benchmark::State& state, const std::vector<Bytes>& all) {
    Facts facts;
    std::size_t i = 0;
    while (state.KeepRunning()) {
        classifier::classify_udp(all[i++ % kPayloads], 40000, 53, facts);
        benchmark::DoNotOptimize(facts);
    }
    report(state, all);
}

void run_tcp(benchmark::State& state, const std::vector<Bytes>& all) {
    Facts facts;
    std::size_t i = 0;
    while (state.KeepRunning()) {
        classifier::classify_tcp(all[i++ % kPayloads], 443, facts);
        benchmark::DoNotOptimize(facts);
    }
    report(state, all);
}

void dns_query(benchmark::State& state) {
    run_udp(state, payloads([](const std::string& name) {
                return DnsMessage().question(name).build();
            }));
}

void dns_answer(benchmark::State& state) {
    run_udp(state, payloads([](const std::string& name) {
                return DnsMessage(test::kDnsFlagsAnswer)
                    .question(name)
                    .answer(test::dns_pointer(12), 5, test::dns_name("edge.cdn.example.net"))
                    .answer(test::dns_name("edge.cdn.example.net"), 1, {192, 0, 2, 1})
                    .answer(test::dns_name("edge.cdn.example.net"), 1, {192, 0, 2, 2})
                    .build();
            }));
}

// A browser sends some 16 extensions, of which the key share is the largest.
void client_hello(benchmark::State& state) {
    run_tcp(state, payloads([](const std::string& name) {
                ClientHello hello;
                hello.cipher_suites = Bytes(32, 0x13);
                hello.add(test::tls_extension(0x1A1A, {}));
                hello.add(test::server_name_extension(name));
                for (std::uint16_t type = 5; type < 17; ++type) {
                    hello.add(test::tls_extension(type, Bytes(8, 1)));
                }
                hello.add(test::supported_versions_extension({0x2A2A, 0x0304, 0x0303}));
                hello.add(test::tls_extension(51, Bytes(1258, 7)));
                return hello.record();
            }));
}

void client_hello_two_records(benchmark::State& state) {
    run_tcp(state, payloads([](const std::string& name) {
                ClientHello hello;
                hello.add(test::server_name_extension(name)).add(test::padding_extension(400));
                return test::tls_records(hello.handshake(), 300);
            }));
}

void http_head(benchmark::State& state) {
    run_tcp(state, payloads([](const std::string& name) {
                return test::http_request(
                    {"GET /index.html?query=1 HTTP/1.1",
                     "Host: " + name,
                     "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101",
                     "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                     "Accept-Language: en-US,en;q=0.5",
                     "Accept-Encoding: gzip, deflate",
                     "Connection: keep-alive",
                     "Upgrade-Insecure-Requests: 1"}
                );
            }));
}

void neither(benchmark::State& state) {
    run_tcp(state, std::vector<Bytes>(kPayloads, Bytes(1400, 0x99)));
}

BENCHMARK(dns_query);
BENCHMARK(dns_answer);
BENCHMARK(client_hello);
BENCHMARK(client_hello_two_records);
BENCHMARK(http_head);
BENCHMARK(neither);

}  // namespace
}  // namespace sallyport

BENCHMARK_MAIN();
