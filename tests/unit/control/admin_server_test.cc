// SPDX-License-Identifier: Apache-2.0
// Goal: the API over a real socket, from good questions to bytes that are none.
#include "gateway/control/admin_server.h"

#include "gateway/control/admin_client.h"
#include "gateway/control/metrics_text.h"
#include "tests/unit/control/fake_gateway.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace sallyport::control {
namespace {

class AdminServerTest : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "admin-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        path_ = folder_ + "/admin.sock";
    }
    void TearDown() override {
        server_.reset();
        std::filesystem::remove_all(folder_);
    }
    void start() {
        auto started = AdminServer::start(path_, gateway_);
        ASSERT_TRUE(started) << started.error().message;
        server_ = std::move(started).value();
    }
    [[nodiscard]] AdminClient client() const { return AdminClient(path_); }

    /// Sends bytes as they are and returns all that comes back.
    [[nodiscard]] std::string raw(const std::string& bytes) const {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
        (void)::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        ::shutdown(fd, SHUT_WR);
        std::string out;
        std::array<char, 4096> buffer{};
        for (ssize_t got = 0; (got = ::recv(fd, buffer.data(), buffer.size(), 0)) > 0;) {
            out.append(buffer.data(), static_cast<std::size_t>(got));
        }
        ::close(fd);
        return out;
    }

    std::string folder_;
    std::string path_;
    FakeGateway gateway_;
    std::unique_ptr<AdminServer> server_;
};

TEST_F(AdminServerTest, SocketIsForOwnerAndGroupAndGoesAway) {
    start();
    struct stat found {};
    ASSERT_EQ(::stat(path_.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0660U);
    server_.reset();
    EXPECT_NE(::stat(path_.c_str(), &found), 0);
}

TEST_F(AdminServerTest, AbandonedSocketIsReplacedAnotherGatewayIsNot) {
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
        ::close(fd);  // the file stays, as after kill -9
    }
    start();
    FakeGateway other;
    const auto second = AdminServer::start(path_, other);
    ASSERT_FALSE(second);
    EXPECT_EQ(
        second.error().message,
        path_ + ": another gateway answers here, expected one gateway a socket"
    );
    EXPECT_TRUE(client().get("/v1/status").ok());
}

TEST_F(AdminServerTest, PlacesWhereNoSocketCanBe) {
    std::ofstream(path_) << "precious";
    const auto file = AdminServer::start(path_, gateway_);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().message, path_ + ": is no socket, expected none or an abandoned one");
    EXPECT_TRUE(std::filesystem::exists(path_));
    EXPECT_FALSE(AdminServer::start(folder_ + "/none/admin.sock", gateway_));
    EXPECT_FALSE(AdminServer::start("/tmp/" + std::string(200, 'x'), gateway_));
    EXPECT_FALSE(AdminServer::start("", gateway_));
}

TEST_F(AdminServerTest, StatusGoesThereAndBack) {
    start();
    const AdminAnswer answer = client().get("/v1/status");
    ASSERT_TRUE(answer.ok()) << answer.problem;
    const auto status = parse_status(answer.body);
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(status_json(status.value()), status_json(sample_status()));
    EXPECT_EQ(status.value().health, Health::degraded);
    EXPECT_EQ(status.value().ports[1].rx_missed, 3U);
    EXPECT_EQ(status.value().drops[static_cast<std::size_t>(DropReason::no_flow)], 9U);
}

TEST_F(AdminServerTest, DropsAndMetrics) {
    start();
    EXPECT_EQ(
        nlohmann::json::parse(client().get("/v1/drops").body)["drops"][0]["reason"], "no_flow"
    );
    EXPECT_EQ(client().get("/v1/metrics").body, metrics_text(sample_status()));
}

TEST_F(AdminServerTest, ReloadIsAcceptedOrRefusedWithItsProblems) {
    start();
    gateway_.next_reload = {true, 8, {}, {"rule 3 never matches"}, 120};
    const AdminAnswer accepted = client().post("/v1/reload");
    ASSERT_TRUE(accepted.ok()) << accepted.problem;
    EXPECT_EQ(parse_reload(accepted.body).value().generation, 8U);
    EXPECT_EQ(parse_reload(accepted.body).value().notes.size(), 1U);
    gateway_.next_reload = {false, 8, {"a.yaml:1:1: x"}, {}, 3};
    const AdminAnswer refused = client().post("/v1/reload");
    EXPECT_TRUE(refused.reached);
    EXPECT_EQ(refused.status, 409);
    EXPECT_EQ(
        parse_reload(refused.body).value().problems, std::vector<std::string>{"a.yaml:1:1: x"}
    );
    EXPECT_EQ(client().get("/v1/reload").status, 404);  // asking is not doing
    EXPECT_EQ(gateway_.reloads, 2);
}

TEST_F(AdminServerTest, EventsArriveLineByLine) {
    gateway_.lines = {R"({"a":1})", R"({"a":2})", R"({"a":3})"};
    start();
    std::vector<std::string> seen;
    const AdminAnswer answer =
        client().stream("/v1/events?last=5&f=port%3A443", [&](std::string_view line) {
            seen.emplace_back(line);
            return true;
        });
    EXPECT_TRUE(answer.ok()) << answer.problem;
    EXPECT_EQ(seen, gateway_.lines);
    const std::lock_guard lock(gateway_.mutex);
    EXPECT_EQ(gateway_.last_query.last, 5U);
    EXPECT_EQ(gateway_.last_query.filter.terms().at(0).value, "443");
}

TEST_F(AdminServerTest, FollowingEndsWhenTheClientHasEnough) {
    gateway_.lines = {"1", "2"};
    start();
    int seen = 0;
    const AdminAnswer answer =
        client().stream("/v1/events?follow=1", [&](std::string_view) { return ++seen < 2; });
    EXPECT_TRUE(answer.ok()) << answer.problem;
    EXPECT_EQ(seen, 2);
}

TEST_F(AdminServerTest, FollowingEndsWhenTheGatewayDoes) {
    gateway_.lines = {"1"};
    start();
    std::atomic<bool> seen{false};
    std::thread watcher([&] {
        (void)client().stream("/v1/events?follow=1", [&](std::string_view) {
            seen = true;
            return true;
        });
    });
    while (!seen) {
        std::this_thread::yield();
    }
    server_.reset();
    watcher.join();
}

TEST_F(AdminServerTest, StoppingIsBoundedWhateverAClientWaitsFor) {
    gateway_.reload_waits = true;
    start();
    std::thread asks([this] { (void)client().post("/v1/reload"); });
    while (gateway_.reloads == 0) {
        std::this_thread::yield();
    }
    EXPECT_TRUE(client().get("/v1/status").ok());  // a reload holds nobody else up
    const auto before = std::chrono::steady_clock::now();
    EXPECT_FALSE(server_->stop(std::chrono::milliseconds(20)));
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
    EXPECT_FALSE(std::filesystem::exists(path_));
    gateway_.reload_waits = false;
    EXPECT_TRUE(server_->stop(std::chrono::seconds(30)));
    asks.join();
}

TEST_F(AdminServerTest, EventsThatCannotBeOpenedOrAskedFor) {
    start();
    EXPECT_EQ(client().get("/v1/events?f=port:x").status, 400);
    EXPECT_EQ(
        client().get("/v1/events?f=port:x").problem,
        "port: \"x\" does not fit, expected a port or a range as 8000-8080"
    );
    gateway_.events_problem = "spool: Permission denied";
    const AdminAnswer answer = client().stream("/v1/events", [](std::string_view) { return true; });
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.problem, "spool: Permission denied");
}

TEST_F(AdminServerTest, StreamsAreBoundedAndGivenBack) {
    for (std::size_t i = 0; i < 3 * AdminServer::kStreamsMax; ++i) {
        if (!server_) {
            start();
        }
        const AdminAnswer answer =
            client().stream("/v1/events", [](std::string_view) { return true; });
        ASSERT_TRUE(answer.ok()) << i << " " << answer.problem;
    }
}

TEST_F(AdminServerTest, AHandlerThatThrowsIsAnAnswer) {
    start();
    gateway_.broken = true;
    const AdminAnswer answer = client().get("/v1/status");
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.problem, "broken on purpose");
}

TEST_F(AdminServerTest, MalformedRequestsDoNoHarm) {
    start();
    const std::vector<std::string> requests{
        "",
        "\r\n\r\n",
        "GET",
        "GET /v1/status",
        "GET /v1/status HTTP/9.9\r\n\r\n",
        "GET /v1/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        "BREW /v1/status HTTP/1.1\r\n\r\n",
        "POST /v1/reload HTTP/1.1\r\nContent-Length: 999999999\r\n\r\nx",
        "POST /v1/reload HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST /v1/reload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
        "GET /v1/events?f=%zz&f=%00 HTTP/1.1\r\n\r\n",
        "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n",
        std::string(5000, '\0'),
    };
    for (const std::string& request : requests) {
        const std::string answer = raw(request);
        EXPECT_EQ(answer.find("200 OK"), std::string::npos) << request.substr(0, 60);
    }
    EXPECT_EQ(gateway_.reloads, 0);
    EXPECT_TRUE(client().get("/v1/status").ok());
}

TEST_F(AdminServerTest, NobodyThere) {
    const AdminAnswer answer = client().get("/v1/status");
    EXPECT_FALSE(answer.reached);
    EXPECT_EQ(answer.problem, path_ + ": No such file or directory");
    EXPECT_FALSE(AdminClient(std::string(300, 'x')).post("/v1/reload").reached);
    EXPECT_FALSE(client().stream("/v1/events", [](std::string_view) { return true; }).reached);
}

TEST(Answers, ThatAreNone) {
    for (const auto* text :
         {"", "[]", "{", "5", R"({"ports": 5})", R"({"workers": [{"index": "x"}]})"}) {
        EXPECT_FALSE(parse_status(text)) << text;
    }
    EXPECT_TRUE(parse_status("{}"));
    EXPECT_EQ(parse_status("{}").value().health, Health::down);
    EXPECT_FALSE(parse_reload("[1]"));
    EXPECT_FALSE(parse_reload(R"({"problems": 3})"));
}

TEST(Answers, NamesThatAreNoUtf8) {
    GatewayStatus status;
    status.name = "a\xff";
    EXPECT_TRUE(parse_status(status_json(status)));
}

}  // namespace
}  // namespace sallyport::control
