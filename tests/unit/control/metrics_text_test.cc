// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/metrics_text.h"

#include "tests/unit/control/fake_gateway.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

namespace sallyport::control {
namespace {

bool has_line(const std::string& text, const std::string& line) {
    return text.find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, RowsFollowPrometheusNaming) {
    std::set<std::string_view> names;
    for (const MetricRow& row : metric_rows()) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_EQ(row.name.substr(0, 10), "sallyport_");
        const bool total = row.name.size() > 6 && row.name.substr(row.name.size() - 6) == "_total";
        EXPECT_EQ(total, row.type == "counter") << row.name;
        EXPECT_EQ(row.help.back(), '.') << row.name;
    }
}

TEST(Metrics, SamplesCarryTheLabelsOfTheirRow) {
    const std::string text = metrics_text(sample_status());
    for (const MetricRow& row : metric_rows()) {
        std::stringstream lines(text);
        std::string line;
        std::size_t samples = 0;
        while (std::getline(lines, line)) {
            const std::size_t end = line.find_first_of("{ ");
            if (line.substr(0, end) != row.name) {
                continue;
            }
            ++samples;
            std::string labels;
            for (std::size_t at = line.find('{'); at != std::string::npos && line[at] != '}';) {
                const std::size_t equal = line.find('=', at);
                labels += (labels.empty() ? "" : ",") + line.substr(at + 1, equal - at - 1);
                at = line.find_first_of(",}", line.find('"', equal + 2));
            }
            EXPECT_EQ(labels, row.labels) << line;
        }
        EXPECT_GT(samples, 0U) << row.name;
    }
}

TEST(Metrics, ValuesAreTheStatus) {
    const std::string text = metrics_text(sample_status());
    EXPECT_TRUE(has_line(text, R"(sallyport_packets_total{port="inside",dir="rx"} 1000)"));
    EXPECT_TRUE(has_line(text, R"(sallyport_drops_total{reason="feed_denied"} 5)"));
    EXPECT_TRUE(has_line(text, R"(sallyport_drops_total{reason="oversize"} 0)"));
    EXPECT_TRUE(has_line(text, "sallyport_flows_active 12"));
    EXPECT_TRUE(has_line(text, R"(sallyport_worker_busy_ratio{lcore="1"} 0.250000)"));
    EXPECT_TRUE(has_line(text, R"(sallyport_sink_dead_letters_total{sink="kafka"} 2)"));
    EXPECT_TRUE(has_line(text, R"(sallyport_health{state="degraded"} 1)"));
    EXPECT_TRUE(has_line(
        text, R"(sallyport_feed_last_success_timestamp_seconds{feed="blocklist"} 1782345600)"
    ));
}

TEST(Metrics, LabelValuesAreEscaped) {
    GatewayStatus status = sample_status();
    status.version = "a\"b\\c\nd";
    EXPECT_NE(
        metrics_text(status).find(R"(sallyport_build_info{version="a\"b\\c\nd"} 1)"),
        std::string::npos
    );
}

}  // namespace
}  // namespace sallyport::control
