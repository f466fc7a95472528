// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/admin_server.h"

#include "gateway/control/event_query.h"
#include "gateway/control/metrics_text.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <future>
#include <httplib.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace sallyport::control {
namespace {

constexpr mode_t kSocketMode = 0660;
constexpr std::size_t kThreads = AdminServer::kStreamsMax + 4;
constexpr std::chrono::milliseconds kStreamWait{200};  // how soon a stream sees that it should end
constexpr const char* kJsonType = "application/json";

std::string errno_text(const std::string& what) {
    return what + ": " + std::strerror(errno);
}

void set_error(httplib::Response& response, int status, const std::string& message) {
    response.status = status;
    const nlohmann::json body{{"error", message}};
    response.set_content(
        body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n", kJsonType
    );
}

sockaddr_un socket_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

bool somebody_answers(const std::string& path) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    const sockaddr_un address = socket_address(path);
    const int result = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    ::close(fd);
    return result == 0;
}

/// Makes the path free for us, or says why it is not.
Status clear_path(const std::string& path) {
    if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
        return Error{
            "admin.socket: \"" + path + "\" has " + std::to_string(path.size()) +
            " characters, expected 1-" + std::to_string(sizeof(sockaddr_un::sun_path) - 1)};
    }
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0) {
        return errno == ENOENT ? Status(Done{}) : Status(Error{errno_text(path)});
    }
    if (!S_ISSOCK(found.st_mode)) {
        return Error{path + ": is no socket, expected none or an abandoned one"};
    }
    if (somebody_answers(path)) {
        return Error{path + ": another gateway answers here, expected one gateway a socket"};
    }
    return ::unlink(path.c_str()) == 0 ? Status(Done{}) : Status(Error{errno_text(path)});
}

}  // namespace

struct AdminServer::Parts {
    explicit Parts(GatewayControl& gateway) : control(gateway) {}

    GatewayControl& control;
    httplib::Server http;
    std::string socket_path;
    std::thread thread;
    std::future<void> ended;  ///< ready when `thread` and those that answer have ended
    std::atomic<bool> stopping{false};
    std::atomic<std::size_t> streams{0};

    void set_up();
    void answer_reload(httplib::Response& response);
    void answer_events(const httplib::Request& request, httplib::Response& response);
    void stream(std::shared_ptr<EventStream> events, httplib::Response& response);
};

void AdminServer::Parts::answer_reload(httplib::Response& response) {
    const ReloadOutcome outcome = control.reload();
    response.status = outcome.accepted ? 200 : 409;
    response.set_content(reload_json(outcome) + "\n", kJsonType);
}

void AdminServer::Parts::answer_events(
    const httplib::Request& request, httplib::Response& response
) {
    const Result<EventQuery> query = parse_event_query(request.params);
    if (!query) {
        return set_error(response, 400, query.error().message);
    }
    if (streams.fetch_add(1) >= kStreamsMax) {
        streams.fetch_sub(1);
        return set_error(
            response, 503, std::to_string(kStreamsMax) + " clients watch already, try again later"
        );
    }
    Result<std::unique_ptr<EventStream>> events = control.open_events(query.value());
    if (!events) {
        streams.fetch_sub(1);
        return set_error(response, 500, events.error().message);
    }
    stream(std::move(events).value(), response);
}

void AdminServer::Parts::stream(std::shared_ptr<EventStream> events, httplib::Response& response) {
    response.set_chunked_content_provider(
        "application/x-ndjson",
        [this, events](std::size_t, httplib::DataSink& sink) {
            std::string line;
            if (stopping.load() || !sink.is_writable()) {
                return false;
            }
            switch (events->next(line, kStreamWait)) {
                case EventStream::Step::event:
                    line += '\n';
                    return sink.write(line.data(), line.size());
                case EventStream::Step::idle:
                    return true;
                case EventStream::Step::end:
                    sink.done();
                    return true;
            }
            return false;
        },
        [this](bool) { streams.fetch_sub(1); }
    );
}

void AdminServer::Parts::set_up() {
    http.set_address_family(AF_UNIX);
    http.set_payload_max_length(kBodyBytesMax);
    http.set_keep_alive_max_count(1);  // a client asks once; threads are few
    http.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    // The mode of the socket is set before bind() makes the file, so that it is never wider.
    http.set_socket_options([](int fd) { ::fchmod(fd, kSocketMode); });
    http.set_exception_handler(
        [](const httplib::Request&, httplib::Response& response, std::exception_ptr thrown) {
            try {
                std::rethrow_exception(thrown);
            } catch (const std::exception& error) {
                set_error(response, 500, error.what());
            } catch (...) {
                set_error(response, 500, "unknown failure");
            }
        }
    );
    http.set_error_handler([](const httplib::Request& request, httplib::Response& response) {
        if (response.body.empty()) {
            set_error(
                response, response.status, "no answer to " + request.method + " " + request.path
            );
        }
    });
    http.Get("/v1/status", [this](const httplib::Request&, httplib::Response& response) {
        response.set_content(status_json(control.status()) + "\n", kJsonType);
    });
    http.Get("/v1/drops", [this](const httplib::Request&, httplib::Response& response) {
        response.set_content(drops_json(control.status()) + "\n", kJsonType);
    });
    http.Get("/v1/metrics", [this](const httplib::Request&, httplib::Response& response) {
        response.set_content(metrics_text(control.status()), "text/plain; version=0.0.4");
    });
    http.Post("/v1/reload", [this](const httplib::Request&, httplib::Response& response) {
        answer_reload(response);
    });
    http.Get("/v1/events", [this](const httplib::Request& request, httplib::Response& response) {
        answer_events(request, response);
    });
}

AdminServer::AdminServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<AdminServer>> AdminServer::start(
    const std::string& socket_path, GatewayControl& control
) {
    if (Status free = clear_path(socket_path); !free) {
        return free.error();
    }
    auto parts = std::make_unique<Parts>(control);
    parts->socket_path = socket_path;
    parts->set_up();
    // The port means nothing on a UNIX socket, but must not be 0.
    if (!parts->http.bind_to_port(socket_path.c_str(), 80)) {
        return Error{errno_text(socket_path + ": cannot listen")};
    }
    // bind() took the process' umask off the mode.
    if (::chmod(socket_path.c_str(), kSocketMode) != 0) {
        return Error{errno_text(socket_path)};
    }
    Parts* running = parts.get();
    std::packaged_task<void()> listen([running] { running->http.listen_after_bind(); });
    parts->ended = listen.get_future();
    parts->thread = std::thread(std::move(listen));
    // stop() does nothing before listening has begun, which would leave the thread running.
    while (!running->http.is_running()) {
        std::this_thread::yield();
    }
    return std::unique_ptr<AdminServer>(new AdminServer(std::move(parts)));
}

bool AdminServer::stop(std::chrono::milliseconds timeout) {
    if (!parts_->stopping.exchange(true)) {
        parts_->http.stop();
        ::unlink(parts_->socket_path.c_str());
    }
    return parts_->ended.wait_for(timeout) == std::future_status::ready;
}

AdminServer::~AdminServer() {
    stop(std::chrono::milliseconds(0));
    parts_->thread.join();
}

}  // namespace sallyport::control
