// SPDX-License-Identifier: Apache-2.0
// Goal: rows cannot drift from the fields they are bound to. Each row has help, its default is one
// the parser itself accepts, and the reference page has not changed unseen.
#include "gateway/config/config_table.h"
#include "gateway/config/load.h"
#include "gateway/config/reference.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

namespace sallyport::config {
namespace {

TEST(Table, EveryRowHasOneSentenceOfHelpAndANameOfItsOwn) {
    std::set<std::string> paths;
    for (const KeyReference& key : config_reference()) {
        EXPECT_TRUE(paths.insert(key.path).second) << key.path;
        ASSERT_GT(key.help.size(), 8U) << key.path;
        EXPECT_EQ(key.help.back(), '.') << key.path;
        EXPECT_TRUE(key.help.front() >= 'A' && key.help.front() <= 'Z') << key.path;
        EXPECT_FALSE(key.type.empty()) << key.path;
    }
    EXPECT_GT(paths.size(), 70U);
}

TEST(Table, RequiredKeysHaveNoDefault) {
    for (const KeyReference& key : config_reference()) {
        if (key.required) {
            EXPECT_TRUE(key.default_value.empty()) << key.path << " " << key.default_value;
        }
    }
}

/// YAML that writes `key` alone with its default, inside the maps and lists of its path.
std::string written(const KeyReference& key) {
    std::string out;
    std::string closing;
    std::stringstream parts(key.path);
    std::string part;
    while (std::getline(parts, part, '.')) {
        const bool list = part.size() > 2 && part.substr(part.size() - 2) == "[]";
        out += "{" + part.substr(0, part.size() - (list ? 2 : 0)) + ": " + (list ? "[" : "");
        closing = std::string(list ? "]" : "") + "}" + closing;
    }
    return out + "\"" + key.default_value + "\"" + closing;
}

TEST(Table, EveryDefaultIsAcceptedByItsOwnRow) {
    for (const KeyReference& key : config_reference()) {
        if (key.default_value.empty() || key.required || key.later) {
            continue;
        }
        Problems problems;
        (void)parse_config(written(key), "s.yaml", Purpose::replay, problems);
        for (const Problem& problem : problems) {
            // Neighbours that the key cannot stand without are missing; the key itself must be
            // fine.
            std::string path = key.path;
            for (std::size_t at = path.find("[]"); at != std::string::npos; at = path.find("[]")) {
                path.replace(at, 2, "[0]");
            }
            EXPECT_EQ(problem.message.rfind(path + ": ", 0), std::string::npos)
                << written(key) << "\n"
                << problem.text();
        }
    }
}

TEST(Table, ChoicesMatchTheirEnumerators) {
    EXPECT_EQ(kActionChoices[static_cast<std::size_t>(FeedAction::allow)], "allow");
    for (std::size_t i = 0; i < kActionChoices.size(); ++i) {
        EXPECT_EQ(kActionChoices[i], name_of(static_cast<FeedAction>(i)));
    }
    EXPECT_EQ(kRoleChoices[static_cast<std::size_t>(PortRole::outside)], "outside");
    EXPECT_EQ(kHugepagesChoices[static_cast<std::size_t>(HugepagesMode::off)], "off");
    EXPECT_EQ(kSpoolFullChoices[static_cast<std::size_t>(SpoolFull::drop_newest)], "drop-newest");
    EXPECT_EQ(kDnsDenyChoices[static_cast<std::size_t>(DnsDeny::refused)], "refused");
    EXPECT_EQ(kDenyModeChoices[static_cast<std::size_t>(DenyAnswer::silent)], "silent");
    EXPECT_EQ(kUnknownChoices[static_cast<std::size_t>(UnknownAction::allow)], "allow");
    EXPECT_EQ(kEncodingChoices[static_cast<std::size_t>(Encoding::flat)], "flat");
    EXPECT_EQ(kIpv6Choices[static_cast<std::size_t>(Ipv6Egress::route)], "route");
}

TEST(Table, ReferenceIsTheGoldenOne) {
    std::string text;
    for (const KeyReference& key : config_reference()) {
        text += key.path + " | " + key.type + (key.required ? ", required" : "") +
                (key.later ? ", later" : "") + " | " + key.default_value + " | " + key.range +
                " | " + key.help + "\n";
    }
    const std::string path =
        std::string(SALLYPORT_SOURCE) + "/tests/unit/config/golden/reference.txt";
    if (std::getenv("SALLYPORT_UPDATE_GOLDEN") != nullptr) {
        std::ofstream(path) << text;
    }
    std::ifstream in(path);
    const std::string golden((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(text, golden) << "SALLYPORT_UPDATE_GOLDEN=1 rewrites it";
}

}  // namespace
}  // namespace sallyport::config
