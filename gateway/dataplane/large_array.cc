// SPDX-License-Identifier: Apache-2.0
#include "gateway/dataplane/large_array.h"

#include "gateway/dataplane/flow_hash.h"
#include "gateway/model/keyed_hash.h"

#include <cstdint>
#include <sys/mman.h>
#include <sys/random.h>

namespace sallyport::dataplane {
namespace {

constexpr std::size_t kHugePageBytes = std::size_t{2} << 20U;

std::size_t mapped_size(std::size_t bytes) {
    return (bytes + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
}

}  // namespace

void* map_large(std::size_t bytes) {
    const std::size_t size = mapped_size(bytes);
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void* memory = MAP_FAILED;
    if (bytes >= kHugePageBytes) {
        memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB, -1, 0);
    }
    if (memory == MAP_FAILED) {
        memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, -1, 0);
        if (memory == MAP_FAILED) {
            throw std::bad_alloc();
        }
        madvise(memory, size, MADV_HUGEPAGE);
    }
    for (std::size_t at = 0; at < size; at += 4096) {
        static_cast<volatile std::uint8_t*>(memory)[at] = 0;
    }
    return memory;
}

void unmap_large(void* memory, std::size_t bytes) noexcept {
    munmap(memory, mapped_size(bytes));
}

FlowHashKey FlowHashKey::random() {
    const HashKey a = random_hash_key();
    const HashKey b = random_hash_key();
    FlowHashKey key;
    key.word[0] = a.k0;
    key.word[1] = a.k1;
    key.word[2] = b.k0;
    key.word[3] = b.k1 | 1U;
    return key;
}

}  // namespace sallyport::dataplane
