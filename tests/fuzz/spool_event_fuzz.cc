// SPDX-License-Identifier: Apache-2.0
// Any bytes as the payload of a record: every encoder must make one line of valid JSON of it.
#include "exporters/ecs_encoder.h"
#include "exporters/envelope.h"
#include "exporters/flat_encoder.h"
#include "exporters/segment_format.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

namespace {

using namespace sallyport;
using namespace sallyport::exporters;

EventDictionary names() {
    EventDictionary out;
    out.gateway = "egw-1";
    out.cluster = "prod";
    out.workloads.resize(3);
    out.workloads[2].kind = Workload::Kind::pod;
    out.workloads[2].namespace_name = "payments";
    out.workloads[2].pod = "api-1";
    out.workloads[2].labels = {{"app", "api"}};
    out.rules.resize(2);
    out.feeds.resize(2);
    out.feeds[1].name = "feed";
    out.pools = {"pool"};
    out.patterns = {"*.example"};
    return out;
}

void require_one_line_of_json(const std::string& document) {
    const bool fine = document.find('\n') == std::string::npos &&
                      (document.empty() || nlohmann::json::accept(document));
    if (!fine) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const EventDictionary kNames = names();
    static EcsEncoder ecs;
    static FlatEncoder flat;
    static EnvelopeMaker envelopes("ecs/9.4.0");
    Event event;
    if (!unpack_event({data, size}, event)) {
        return 0;
    }
    for (const Detail detail : {Detail::full, Detail::reduced}) {
        std::string document;
        ecs.encode(event, kNames, detail, document);
        require_one_line_of_json(document);
    }
    std::string document;
    flat.encode(event, kNames, document);
    require_one_line_of_json(document);
    Envelope envelope;
    envelopes.make(event, kNames, envelope);
    return 0;
}
