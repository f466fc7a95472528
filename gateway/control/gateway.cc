// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/gateway.h"

#include "gateway/control/gateway_process.h"

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace sallyport::control {
namespace {

// How long a reload or an admin client may take to notice that the gateway has stopped.
constexpr std::chrono::milliseconds kQuietWithin{500};

// systemd's readiness protocol (sd_notify(3)): a datagram to NOTIFY_SOCKET, where there is one.
void notify_service_manager(const std::string& state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (path == nullptr || *path == '\0') {
        return;
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = path;
    if (name.size() >= sizeof(address.sun_path)) {
        return;
    }
    name.copy(address.sun_path, name.size());
    if (address.sun_path[0] == '@') {
        address.sun_path[0] = '\0';  // abstract socket
    }
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        (void
        )sendto(fd, state.data(), state.size(), 0, reinterpret_cast<sockaddr*>(&address), size);
        close(fd);
    }
}

sigset_t handled_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        sigaddset(&set, signal);
    }
    return set;
}

/// SIGHUP's reloads, one after the other on a thread of their own: a reload may take minutes, and
/// SIGTERM must not wait for it. Several signals during one reload are one more reload.
class Reloader {
public:
    explicit Reloader(GatewayProcess& gateway) : gateway_(gateway) {}
    ~Reloader() {
        if (thread_.joinable()) {
            thread_.join();
        }
    }
    Reloader(const Reloader&) = delete;
    Reloader& operator=(const Reloader&) = delete;

    void request();
    /// No reload is under way any more; waits at most `timeout`.
    bool is_quiet(std::chrono::milliseconds timeout);

private:
    void run();

    GatewayProcess& gateway_;
    std::mutex mutex_;
    std::condition_variable ended_;
    bool running_ = false;  ///< guarded by mutex_
    bool again_ = false;    ///< guarded by mutex_
    std::thread thread_;
};

void say_reload(const ReloadOutcome& outcome) {
    if (outcome.accepted) {
        std::cerr << "sallyport: generation " << outcome.generation << " is in force ("
                  << outcome.milliseconds << " ms)\n";
        return;
    }
    for (const std::string& problem : outcome.problems) {
        std::cerr << problem << '\n';
    }
    std::cerr << "sallyport: reload refused; generation " << outcome.generation
              << " stays in force\n";
}

void Reloader::request() {
    {
        const std::lock_guard lock(mutex_);
        again_ = true;
        if (std::exchange(running_, true)) {
            return;
        }
    }
    if (thread_.joinable()) {
        thread_.join();  // it has nothing left to do
    }
    thread_ = std::thread([this] { run(); });
}

void Reloader::run() {
    std::unique_lock lock(mutex_);
    while (std::exchange(again_, false)) {
        lock.unlock();
        notify_service_manager("RELOADING=1");
        say_reload(gateway_.reload());
        notify_service_manager("READY=1\nSTATUS=" + gateway_.describe());
        lock.lock();
    }
    running_ = false;
    ended_.notify_all();
}

bool Reloader::is_quiet(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    again_ = false;
    return ended_.wait_for(lock, timeout, [this] { return !running_; });
}

}  // namespace

int run_gateway(const RunOptions& options) {
    // Blocked before any thread is made, so that only sigwait below sees them.
    const sigset_t signals = handled_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);

    Problems problems;
    std::unique_ptr<GatewayProcess> gateway = GatewayProcess::start(options.config_path, problems);
    if (gateway == nullptr) {
        for (const Problem& problem : problems) {
            std::cerr << problem.text() << '\n';
        }
        std::cerr << "sallyport: not started, " << problems.size()
                  << (problems.size() == 1 ? " problem\n" : " problems\n");
        return 1;
    }
    for (const std::string& note : gateway->notes()) {
        std::cerr << "note: " << note << '\n';
    }
    std::cerr << "sallyport: running, " << gateway->describe() << '\n';
    notify_service_manager("READY=1\nSTATUS=" + gateway->describe());
    Reloader reloader(*gateway);
    for (int signal = 0; sigwait(&signals, &signal) == 0 && signal == SIGHUP;) {
        reloader.request();
    }
    std::cerr << "sallyport: stopping\n";
    notify_service_manager("STOPPING=1");
    const bool complete = gateway->stop();
    const bool quiet = reloader.is_quiet(kQuietWithin) && gateway->is_quiet(kQuietWithin);
    std::cerr
        << (complete ? "sallyport: stopped\n"
                     : "sallyport: stopped before all flows' ends could be told\n");
    if (!quiet) {
        // The spool is closed and the cursors are written. What is left is a reload that cannot be
        // given up half way, or a client that does not read: nothing worth waiting for.
        std::cerr << "sallyport: left a request under way on the admin socket, or a reload\n";
        std::_Exit(0);
    }
    return 0;
}

}  // namespace sallyport::control
