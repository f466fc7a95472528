// SPDX-License-Identifier: Apache-2.0
// Goal: whatever the text, objects come out as written or a problem says where it breaks; never a
// crash.
#include "gateway/identity/object_text.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace sallyport::identity {
namespace {

struct Seen {
    std::vector<std::string> objects;  ///< "where kind name"
    Problems problems;
};

Seen read(std::string_view text) {
    Seen out;
    read_object_text(
        text,
        "f",
        [&out](const ListedObject& object) {
            out.objects.push_back(
                object.where + ' ' + std::string(object.kind) + ' ' +
                std::string(object.node["metadata"]["name"].text())
            );
        },
        out.problems
    );
    return out;
}

std::string only_problem(std::string_view text) {
    const Seen seen = read(text);
    EXPECT_EQ(seen.problems.size(), 1U) << text;
    return seen.problems.empty() ? "" : seen.problems.front().text();
}

using Strings = std::vector<std::string>;

TEST(ObjectText, SingleObjectInBothFormats) {
    EXPECT_EQ(read(R"({"kind":"Pod","metadata":{"name":"a"}})").objects, Strings{" Pod a"});
    EXPECT_EQ(read("kind: Pod\nmetadata: {name: a}\n").objects, Strings{" Pod a"});
}

TEST(ObjectText, ListsWithKindBeforeOrAfterItems) {
    const Strings two{"items[0]. Pod a", "items[1]. Node b"};
    EXPECT_EQ(
        read(R"({"apiVersion":"v1","items":[{"kind":"Pod","metadata":{"name":"a"}},
                {"kind":"Node","metadata":{"name":"b"}}],"kind":"List"})")
            .objects,
        two
    );
    EXPECT_EQ(
        read("kind: List\nitems:\n- kind: Pod\n  metadata: {name: a}\n- kind: Node\n  metadata: "
             "{name: b}\n")
            .objects,
        two
    );
}

TEST(ObjectText, ItemsOfATypedListTakeItsKind) {
    const Strings one{"items[0]. Pod a"};
    EXPECT_EQ(
        read(R"({"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"a"}}]})").objects,
        one
    );
    EXPECT_EQ(read("kind: PodList\nitems: [{metadata: {name: a}}]\n").objects, one);
}

TEST(ObjectText, MultiDocumentYamlSkipsEmptyDocuments) {
    EXPECT_EQ(
        read("---\n---\nkind: A\n---\n# nothing\n---\nkind: B\n").objects, (Strings{" A ", " B "})
    );
}

TEST(ObjectText, JsonErrorsHaveLineAndColumn) {
    EXPECT_TRUE(only_problem("{\"kind\": \"Pod\",\n  \"x\": tru }").starts_with("f:2:"));
    EXPECT_TRUE(only_problem("{\"kind\": \"Pod\"").starts_with("f:1:"));
    EXPECT_TRUE(only_problem("[1]").starts_with("f:1:1: expected an object"));
    EXPECT_TRUE(only_problem("{} {}").starts_with("f:1:4: unexpected content"));
    EXPECT_EQ(only_problem("{\"a\":1,\n \"a\":2}"), "f:2:2: key \"a\" appears twice");
    EXPECT_TRUE(only_problem("{\"a\":nd}").starts_with("f:1:"));
    EXPECT_TRUE(only_problem("{\"a\":\"\xff\"}").starts_with("f:1:"));
}

TEST(ObjectText, YamlErrorsHaveLineAndColumn) {
    EXPECT_TRUE(only_problem("kind: Pod\n  bad: x: y\n").starts_with("f:2:"));
    EXPECT_EQ(only_problem("a: 1\na: 2\n"), "f:2:1: key \"a\" appears twice");
    EXPECT_EQ(only_problem("- a\n"), "f:1:1: expected an object with apiVersion and kind");
    EXPECT_EQ(only_problem("a: &x [*x]\n"), "f:1:8: an alias that contains itself");
}

TEST(ObjectText, StrayCharactersEndYaml) {
    EXPECT_EQ(only_problem(",\"a\": 1\n"), "f:1:1: expected a document, not this character");
    EXPECT_FALSE(read("a: 1\n---\n, b\n").problems.empty());
    EXPECT_FALSE(read("]\n").problems.empty());
}

TEST(ObjectText, EmptyTextIsSaid) {
    EXPECT_EQ(only_problem(""), "f: is empty");
    EXPECT_EQ(only_problem(" \n\t"), "f: is empty");
}

TEST(ObjectText, AliasesAreExpandedWithinBounds) {
    EXPECT_EQ(read("m: &m {name: a}\nkind: Pod\nmetadata: *m\n").objects, Strings{" Pod a"});
    std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 12; ++i) {
        const std::string below = "*a" + std::to_string(i - 1);
        bomb += 'a' + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int j = 0; j < 10; ++j) {
            bomb += (j == 0 ? "" : ",") + below;
        }
        bomb += "]\n";
    }
    EXPECT_NE(only_problem(bomb).find("too many values"), std::string::npos);
}

TEST(ObjectText, DepthIsBounded) {
    std::string json = "{\"a\":";
    for (int i = 0; i < 70; ++i) {
        json += '[';
    }
    json += "1";
    for (int i = 0; i < 70; ++i) {
        json += ']';
    }
    json += '}';
    EXPECT_NE(only_problem(json).find("nested too deeply"), std::string::npos);
    const std::string yaml = "k: " + std::string(70, '[') + std::string(70, ']') + "\n";
    EXPECT_NE(only_problem(yaml).find("nested too deeply"), std::string::npos);
    EXPECT_FALSE(read(std::string(100'000, '[')).problems.empty());
    EXPECT_FALSE(read("a: " + std::string(100'000, '{')).problems.empty());
}

TEST(ObjectText, ScalarsKeepTheirTypes) {
    const auto kinds = [](std::string_view text) {
        std::string out;
        Problems problems;
        read_object_text(
            text,
            "f",
            [&out](const ListedObject& object) {
                for (const ObjectNode each : object.node) {
                    out += std::to_string(static_cast<int>(each.kind())) + ' ';
                }
            },
            problems
        );
        return out;
    };
    // absent 0, null 1, boolean 2, number 3, string 4, map 5, list 6
    EXPECT_EQ(
        kinds("a: 1\nb: '1'\nc: true\nd: ~\ne: x\nf: 1.5e3\ng: 8000:8100\nh: inf\ni: -4\nj:\n"),
        "3 4 2 1 4 3 4 4 3 1 "
    );
    EXPECT_EQ(kinds(R"({"a":1,"b":"1","c":true,"d":null,"e":{},"f":[]})"), "3 4 2 1 5 6 ");
}

TEST(ObjectText, TruncatedAtEveryLengthNeverInventsObjects) {
    const std::string json =
        R"({"apiVersion":"v1","kind":"List","items":[{"kind":"Pod","metadata":{"name":"a\u00e9"}}]})";
    for (std::size_t size = 0; size < json.size(); ++size) {
        EXPECT_FALSE(read(json.substr(0, size)).problems.empty()) << size;
    }
    const std::string yaml = "kind: List\nitems:\n- {kind: Pod, metadata: {name: \"a\"}}\n";
    for (std::size_t size = 0; size <= yaml.size(); ++size) {
        read(yaml.substr(0, size));
    }
}

TEST(ObjectText, PathsAreFilesAndDirectories) {
    const auto directory =
        std::filesystem::temp_directory_path() / ("object_text_" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory / "empty");
    std::ofstream(directory / "b.yaml") << "kind: B\n";
    std::ofstream(directory / "a.json") << "{\"kind\":\"A\"}";
    std::ofstream(directory / "ignored.txt") << "nothing to read";
    Strings kinds;
    Strings files;
    Problems problems;
    const auto count = read_object_paths(
        {directory.string(), (directory / "empty").string(), (directory / "none.json").string()},
        [&kinds](const ListedObject& object) { kinds.emplace_back(object.kind); },
        [&files](const std::string& path) { files.push_back(path); },
        problems
    );
    std::filesystem::remove_all(directory);
    EXPECT_EQ(count, 2U);
    EXPECT_EQ(kinds, (Strings{"A", "B"}));
    ASSERT_EQ(problems.size(), 2U);
    EXPECT_NE(problems[0].message.find("holds no .json"), std::string::npos);
    EXPECT_EQ(problems[1].message, "cannot be read: No such file or directory");
}

}  // namespace
}  // namespace sallyport::identity
