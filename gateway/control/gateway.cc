// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/gateway.h"

#include "gateway/control/gateway_process.h"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sallyport::control {
namespace {

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
    while (true) {
        int signal = 0;
        if (sigwait(&signals, &signal) != 0 || signal != SIGHUP) {
            break;
        }
        notify_service_manager("RELOADING=1");
        say_reload(gateway->reload());
        notify_service_manager("READY=1\nSTATUS=" + gateway->describe());
    }
    std::cerr << "sallyport: stopping\n";
    notify_service_manager("STOPPING=1");
    const bool complete = gateway->stop();
    gateway.reset();
    std::cerr
        << (complete ? "sallyport: stopped\n"
                     : "sallyport: stopped before all flows' ends could be told\n");
    return 0;
}

}  // namespace sallyport::control
