// SPDX-License-Identifier: Apache-2.0
// Short ways to talk through a rig as a pod and as the server it talks to.
#pragma once

#include "tests/support/packet_builder.h"
#include "tests/support/pipeline_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr std::uint8_t kSynAck = kTcpSyn | kTcpAck;
inline constexpr std::uint8_t kFinAck = kTcpFin | kTcpAck;
inline constexpr std::uint8_t kPshAck = kTcpPsh | kTcpAck;

inline std::string bytes_text(const Bytes& bytes) {
    return {bytes.begin(), bytes.end()};
}

/// A TCP header with these flags and everything else as in a bare SYN.
inline TcpFields tcp_flags(std::uint8_t flags) {
    TcpFields out;
    out.flags = flags;
    return out;
}

/// Two ends of a conversation, as the pod sees them.
struct Ends {
    std::string client{kApiAddress};
    std::string server{kServerAddress};
    std::uint16_t client_port = 40'000;
    std::uint16_t server_port = 443;
};

inline PacketBuilder from_pod(const Ends& ends, std::uint8_t hop_limit = 64) {
    PacketBuilder out;
    out.ethernet();
    if (ends.client.find(':') == std::string::npos) {
        out.ipv4(ends.client, ends.server, hop_limit);
    } else {
        out.ipv6(ends.client, ends.server, hop_limit);
    }
    return out;
}

inline PacketBuilder from_server(
    const Ends& ends, std::string_view to = kPoolAddress, std::uint8_t hop_limit = 64
) {
    PacketBuilder out;
    out.ethernet(kNextHopMac, kOutsideMac);
    if (ends.server.find(':') == std::string::npos) {
        out.ipv4(ends.server, to, hop_limit);
    } else {
        out.ipv6(ends.server, to, hop_limit);
    }
    return out;
}

inline Bytes udp_out(const Ends& ends, std::string_view text = "ping") {
    return from_pod(ends).udp(ends.client_port, ends.server_port).payload(text).build();
}

inline Bytes udp_in(const Ends& ends, std::uint16_t egress_port, std::string_view text = "pong") {
    return from_server(ends).udp(ends.server_port, egress_port).payload(text).build();
}

/// A TCP connection driven through a rig. Sequence numbers are kept as both ends would.
class Connection {
public:
    explicit Connection(PipelineRig& rig, Ends ends = {}) : rig_(rig), ends_(std::move(ends)) {}

    Bytes client(std::uint8_t flags, std::string_view payload = {}) {
        PacketBuilder builder = from_pod(ends_);
        builder.tcp(ends_.client_port, ends_.server_port, fields(flags, client_next, server_next));
        if (!payload.empty()) {
            builder.payload(payload);
        }
        client_next += length(flags, payload);
        return builder.build();
    }
    Bytes server(std::uint8_t flags, std::string_view payload = {}) {
        PacketBuilder builder = from_server(
            ends_, ends_.client.find(':') == std::string::npos ? kPoolAddress : ends_.client
        );
        builder.tcp(ends_.server_port, egress_port, fields(flags, server_next, client_next));
        if (!payload.empty()) {
            builder.payload(payload);
        }
        server_next += length(flags, payload);
        return builder.build();
    }
    SentFrames send_client(std::uint8_t flags, std::string_view payload = {}) {
        return rig_.send(client(flags, payload), kInsidePort);
    }
    SentFrames send_server(std::uint8_t flags, std::string_view payload = {}) {
        return rig_.send(server(flags, payload), kOutsidePort);
    }
    /// SYN only; remembers the egress port when the SYN went out.
    SentFrames syn() {
        client_next = 1000;
        SentFrames out = send_client(kTcpSyn);
        if (!out.empty() && out.front().port == kOutsidePort) {
            egress_port = out.front().frame().source_port;
        }
        return out;
    }
    /// The three packets of a handshake. True when all three passed.
    bool open() {
        const bool out = syn().size() == 1 && egress_port != 0;
        server_next = 7000;
        return out && send_server(kSynAck).size() == 1 && send_client(kTcpAck).size() == 1;
    }
    [[nodiscard]] Bytes hello_frame(std::string_view name) const {
        PacketBuilder builder = from_pod(ends_);
        builder.tcp(ends_.client_port, ends_.server_port, fields(kPshAck, client_next, server_next))
            .tls_client_hello(name);
        return builder.build();
    }
    SentFrames hello(std::string_view name) { return rig_.send(hello_frame(name)); }
    /// FIN both ways, and the last acknowledgement.
    void close() {
        (void)send_client(kFinAck);
        (void)send_server(kFinAck);
        (void)send_client(kTcpAck);
    }

    [[nodiscard]] const Ends& ends() const { return ends_; }

    std::uint32_t client_next = 1000;
    std::uint32_t server_next = 0;
    std::uint16_t egress_port = 0;

private:
    static TcpFields fields(std::uint8_t flags, std::uint32_t sequence, std::uint32_t ack) {
        TcpFields out;
        out.flags = flags;
        out.sequence = sequence;
        out.acknowledgement = (flags & kTcpAck) != 0 ? ack : 0;
        return out;
    }
    static std::uint32_t length(std::uint8_t flags, std::string_view payload) {
        return static_cast<std::uint32_t>(payload.size()) +
               ((flags & (kTcpSyn | kTcpFin)) != 0 ? 1U : 0U);
    }

    PipelineRig& rig_;
    Ends ends_;
};

/// Kinds of events in order.
inline std::vector<EventKind> kinds_of(const std::vector<Event>& events) {
    std::vector<EventKind> out;
    for (const Event& event : events) {
        out.push_back(event.kind);
    }
    return out;
}

class PipelineTest : public ::testing::Test {
protected:
    RigSettings settings;

    /// Made on first use, from what `settings` then are.
    PipelineRig& rig() {
        if (!rig_) {
            rig_.emplace(settings);
        }
        return *rig_;
    }

private:
    std::optional<PipelineRig> rig_;
};

}  // namespace sallyport::test
