// SPDX-License-Identifier: Apache-2.0
#include "gateway/config/yaml_document.h"

#include "gateway/config/config.h"

#include <yaml-cpp/eventhandler.h>

#include <sstream>

namespace sallyport::config {
namespace {

/// Takes note of documents and lets their contents pass.
class DocumentStarts final : public YAML::EventHandler {
public:
    void OnDocumentStart(const YAML::Mark& mark) override { last = mark; }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&)
        override {}
    void OnSequenceStart(
        const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value
    ) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(
        const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value
    ) override {}
    void OnMapEnd() override {}

    YAML::Mark last;
};

/// Where a second document begins. YAML::LoadAll is not asked: yaml-cpp 0.7 makes an endless row of
/// empty documents of a stray comma at the top.
std::optional<Place> second_document(const std::string& text) {
    std::istringstream in(text);
    YAML::Parser parser(in);
    DocumentStarts starts;
    if (!parser.HandleNextDocument(starts) || !parser.HandleNextDocument(starts)) {
        return std::nullopt;
    }
    return Place{
        static_cast<std::size_t>(starts.last.line) + 1,
        static_cast<std::size_t>(starts.last.column) + 1};
}

}  // namespace

Problem yaml_problem(const std::string& path, const YAML::Exception& error) {
    Problem problem;
    problem.path = path;
    if (!error.mark.is_null()) {
        problem.line = static_cast<std::size_t>(error.mark.line) + 1;
        problem.column = static_cast<std::size_t>(error.mark.column) + 1;
    }
    problem.message = "not YAML: " + error.msg;
    return problem;
}

std::optional<YAML::Node> load_document(
    std::string_view text, const std::string& path, Problems& problems
) {
    try {
        const std::string copy(text);
        if (const auto second = second_document(copy)) {
            problems.push_back(
                {path, second->line, second->column, "a second document begins here, expected one"}
            );
        }
        YAML::Node document = YAML::Load(copy);
        if (document.IsNull()) {
            problems.push_back({path, 0, 0, "the file is empty, expected a configuration"});
            return std::nullopt;
        }
        return document;
    } catch (const YAML::Exception& error) {
        problems.push_back(yaml_problem(path, error));
        return std::nullopt;
    }
}

}  // namespace sallyport::config
