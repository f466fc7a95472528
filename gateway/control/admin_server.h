// SPDX-License-Identifier: Apache-2.0
// The admin API: HTTP and JSON over a UNIX socket.
//
//   GET  /v1/status    GatewayStatus
//   POST /v1/reload    ReloadOutcome; 200 in force, 409 refused
//   GET  /v1/events    ECS documents, one a line (event_query.h says which)
//   GET  /v1/drops     why packets were not sent on
//   GET  /v1/metrics   Prometheus text
//
// Errors are `{"error": "..."}` with a 4xx or 5xx status.
#pragma once

#include "gateway/control/gateway_view.h"
#include "gateway/model/result.h"

#include <chrono>
#include <memory>
#include <string>

namespace sallyport::control {

class AdminServer {
public:
    /// Followers of events at a time, each of which holds a thread.
    static constexpr std::size_t kStreamsMax = 16;
    /// No request of ours has a body; this leaves room for a client that sends an empty object.
    static constexpr std::size_t kBodyBytesMax = std::size_t{64} * 1024;

    /// Listens on `socket_path` (mode 0660) and answers from threads of its own until destroyed. A
    /// socket that nobody answers on is replaced; one that somebody does, or a file that is no
    /// socket, is an error. `control` must outlive the server.
    static Result<std::unique_ptr<AdminServer>> start(
        const std::string& socket_path, GatewayControl& control
    );
    /// Takes no more requests, removes the socket and ends streams. True when nobody is being
    /// answered any more; false when somebody still is after `timeout`: a reload that goes on, or a
    /// client that does not read. The destructor would wait for them without a bound.
    bool stop(std::chrono::milliseconds timeout);
    ~AdminServer();
    AdminServer(const AdminServer&) = delete;
    AdminServer& operator=(const AdminServer&) = delete;

private:
    struct Parts;
    explicit AdminServer(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace sallyport::control
