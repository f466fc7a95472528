// SPDX-License-Identifier: Apache-2.0
// Asks a running gateway over its UNIX socket.
#pragma once

#include "gateway/control/gateway_view.h"
#include "gateway/model/result.h"

#include <functional>
#include <string>
#include <string_view>

namespace sallyport::control {

/// An answer of the gateway, or that it could not be reached.
struct AdminAnswer {
    bool reached = false;
    int status = 0;    ///< HTTP
    std::string body;  ///< for a stream: only an error's
    std::string
        problem;  ///< why it was not reached, or what an error answer says; "" when all is well
    [[nodiscard]] bool ok() const noexcept { return reached && status == 200; }
};

class AdminClient {
public:
    explicit AdminClient(std::string socket_path) : socket_path_(std::move(socket_path)) {}

    [[nodiscard]] AdminAnswer get(const std::string& path) const;
    /// Waits for as long as the gateway works on it (a reload may compile a million names).
    [[nodiscard]] AdminAnswer post(const std::string& path) const;
    /// Calls `line` for each line of the answer until it returns false or the answer ends.
    [[nodiscard]] AdminAnswer stream(
        const std::string& path, const std::function<bool(std::string_view line)>& line
    ) const;

private:
    std::string socket_path_;
};

}  // namespace sallyport::control
