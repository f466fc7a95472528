// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/admin_client.h"

#include <cerrno>
#include <cstring>
#include <httplib.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sallyport::control {
namespace {

constexpr time_t kAnswerSeconds = 30;
constexpr time_t kReloadSeconds = 600;
constexpr time_t kStreamSeconds = 24 * 3600;  // a stream may be silent for long
constexpr std::size_t kLineBytesMax = 1U << 20U;

/// Why connect() fails, which httplib does not tell.
std::string connect_problem(const std::string& path) {
    sockaddr_un address{};
    if (path.size() >= sizeof(address.sun_path)) {
        return path + ": the path is too long for a socket";
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return std::strerror(errno);
    }
    const int result = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    const int error = errno;
    ::close(fd);
    return result == 0 ? "" : path + ": " + std::strerror(error);
}

httplib::Client client_of(const std::string& path, time_t seconds) {
    httplib::Client client(path);
    client.set_address_family(AF_UNIX);
    client.set_connection_timeout(5);
    client.set_read_timeout(seconds);
    return client;
}

std::string error_of(const std::string& body) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    if (json.is_object() && json.contains("error") && json["error"].is_string()) {
        return json["error"].get<std::string>();
    }
    return body;
}

AdminAnswer answer_of(const httplib::Result& result) {
    AdminAnswer answer;
    answer.reached = static_cast<bool>(result);
    if (!result) {
        answer.problem = "the gateway did not answer: " + httplib::to_string(result.error());
        return answer;
    }
    answer.status = result->status;
    answer.body = result->body;
    if (answer.status != 200) {
        answer.problem = error_of(answer.body);
    }
    return answer;
}

AdminAnswer unreached(const std::string& problem) {
    AdminAnswer answer;
    answer.problem = problem;
    return answer;
}

/// Cuts a byte stream into lines.
class Lines {
public:
    explicit Lines(const std::function<bool(std::string_view)>& line) : line_(line) {}

    /// False when enough was seen, or a line is longer than any event.
    bool feed(const char* data, std::size_t size) {
        buffer_.append(data, size);
        std::size_t start = 0;
        for (std::size_t end = buffer_.find('\n'); end != std::string::npos;
             end = buffer_.find('\n', start)) {
            if (!line_(std::string_view(buffer_).substr(start, end - start))) {
                enough_ = true;
                return false;
            }
            start = end + 1;
        }
        buffer_.erase(0, start);
        return buffer_.size() <= kLineBytesMax;
    }
    [[nodiscard]] bool enough() const noexcept { return enough_; }

private:
    const std::function<bool(std::string_view)>& line_;
    std::string buffer_;
    bool enough_ = false;
};

}  // namespace

AdminAnswer AdminClient::get(const std::string& path) const {
    if (const std::string problem = connect_problem(socket_path_); !problem.empty()) {
        return unreached(problem);
    }
    return answer_of(client_of(socket_path_, kAnswerSeconds).Get(path.c_str()));
}

AdminAnswer AdminClient::post(const std::string& path) const {
    if (const std::string problem = connect_problem(socket_path_); !problem.empty()) {
        return unreached(problem);
    }
    return answer_of(
        client_of(socket_path_, kReloadSeconds).Post(path.c_str(), "", "application/json")
    );
}

AdminAnswer AdminClient::stream(
    const std::string& path, const std::function<bool(std::string_view line)>& line
) const {
    if (const std::string problem = connect_problem(socket_path_); !problem.empty()) {
        return unreached(problem);
    }
    Lines lines(line);
    AdminAnswer answer;
    std::string refusal;
    const httplib::Result result = client_of(socket_path_, kStreamSeconds)
                                       .Get(
                                           path.c_str(),
                                           [&](const httplib::Response& response) {
                                               answer.status = response.status;
                                               return true;
                                           },
                                           [&](const char* data, std::size_t size) {
                                               if (answer.status == 200) {
                                                   return lines.feed(data, size);
                                               }
                                               refusal.append(data, size);
                                               return refusal.size() <= kLineBytesMax;
                                           }
                                       );
    answer.reached = answer.status != 0;
    if (!answer.reached) {
        answer.problem = "the gateway did not answer: " + httplib::to_string(result.error());
    } else if (answer.status != 200) {
        answer.body = refusal;
        answer.problem = error_of(refusal);
    } else if (!result && !lines.enough()) {
        answer.reached = false;
        answer.problem = "the gateway ended the stream: " + httplib::to_string(result.error());
    }
    return answer;
}

}  // namespace sallyport::control
