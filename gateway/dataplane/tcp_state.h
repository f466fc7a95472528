// SPDX-License-Identifier: Apache-2.0
// TCP as a NAT follows it: RFC 7857 section 2, with the text of RFC 6146 section 3.5.2.2 where the
// figure is silent. Client means the workload.
#pragma once

#include <array>
#include <cstdint>

namespace sallyport::dataplane {

enum class TcpState : std::uint8_t {
    closed,
    init,
    established,
    client_fin,
    server_fin,
    both_fin,
    trans
};
enum class TcpInput : std::uint8_t { client_syn, server_syn, client_fin, server_fin, reset, other };
inline constexpr std::size_t kTcpStates = 7;
inline constexpr std::size_t kTcpInputs = 6;

// Row: state; column: input. The pipeline answers the cells of `closed` (midstream policy, silence)
// itself. A RST after one FIN closes as one before it does: a socket closed with unread data says
// FIN and then RST, and nothing else would end such a flow for two hours.
inline constexpr std::array<std::array<TcpState, kTcpInputs>, kTcpStates> kTcpNext = [] {
    using enum TcpState;
    return std::array<std::array<TcpState, kTcpInputs>, kTcpStates>{{
        // client SYN,  server SYN,  client FIN,  server FIN,  RST,        other
        {{init, closed, closed, closed, closed, closed}},                            // closed
        {{init, established, init, init, init, init}},                               // init
        {{established, established, client_fin, server_fin, trans, established}},    // established
        {{client_fin, client_fin, client_fin, both_fin, trans, client_fin}},         // client FIN
                                                                                     // seen
        {{server_fin, server_fin, both_fin, server_fin, trans, server_fin}},         // server FIN
                                                                                     // seen
        {{both_fin, both_fin, both_fin, both_fin, both_fin, both_fin}},              // both
        {{established, established, established, established, trans, established}},  // after a
                                                                                     // reset
    }};
}();

inline TcpState tcp_next(TcpState state, TcpInput input) noexcept {
    return kTcpNext[static_cast<std::size_t>(state)][static_cast<std::size_t>(input)];
}

/// Seconds of silence a flow may last, by class (nat.md section 2; each floor is its RFC's).
enum class Timeout : std::uint8_t {
    udp,              ///< 300 s, RFC 4787 REQ-5c
    dns,              ///< 10 s after the answer, RFC 4787 REQ-5a
    tcp_opening,      ///< 240 s, RFC 5382 REQ-5
    tcp_established,  ///< 7 440 s, RFC 5382 REQ-5
    tcp_closing,      ///< 240 s, RFC 7857 section 2.1
    icmp,             ///< 60 s, RFC 5508 REQ-2
    denied,  ///< 30 s: how long a refused flow is remembered, so that it makes one event, not many
    linger,  ///< 2 s after the last FIN or a RST the flow is told as ended; its mapping stays
};
inline constexpr std::array<std::uint32_t, 8> kTimeoutSeconds{300, 10, 240, 7440, 240, 60, 30, 2};

inline std::uint32_t timeout_seconds(Timeout timeout) noexcept {
    return kTimeoutSeconds[static_cast<std::size_t>(timeout)];
}

}  // namespace sallyport::dataplane
