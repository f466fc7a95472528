// SPDX-License-Identifier: Apache-2.0
// Any text, read as yaml with Kubernetes objects in it, gives workloads or problems; never both
// nothing and success, and never a crash.
#include "gateway/identity/object_files.h"
#include "gateway/identity/object_text.h"
#include "gateway/identity/workload_builder.h"
#include "gateway/identity/workload_registry.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sallyport;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    identity::ObjectSet objects;
    // Past the choice of format by first byte, so that this parser sees every input.
    identity::detail::read_yaml(
        text, "fuzz", [](const identity::ListedObject&) {}, objects.problems
    );
    identity::read_objects(text, "fuzz", objects);
    for (const Problem& problem : objects.problems) {
        if (problem.message.empty()) {
            std::abort();
        }
    }
    identity::WorkloadRegistry registry;
    const auto table = registry.replace(identity::build_workloads(objects).workloads).table;
    for (WorkloadId id = 2; id < table->size(); ++id) {
        for (const IpAddress& address : (*table)[id].addresses) {
            const WorkloadId found = table->find(address);
            if (found != id && found != kAmbiguousWorkload) {
                std::abort();
            }
        }
    }
    return 0;
}
