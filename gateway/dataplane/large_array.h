// SPDX-License-Identifier: Apache-2.0
// Fixed arrays for tables of a worker: page-aligned, zeroed, pre-faulted, on 2 MiB pages where the
// machine gives them (reserved hugepages first, transparent ones else). Taken at start, never
// grown.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace sallyport::dataplane {

/// mmap of at least `bytes`, zeroed and touched; throws std::bad_alloc (start-up only).
void* map_large(std::size_t bytes);
void unmap_large(void* memory, std::size_t bytes) noexcept;

template <class T>
class LargeArray {
    static_assert(std::is_trivially_destructible_v<T> && std::is_trivially_copyable_v<T>);

public:
    LargeArray() = default;
    explicit LargeArray(std::size_t count)
        : data_(static_cast<T*>(map_large(count * sizeof(T)))),
          count_(count) {
        for (std::size_t i = 0; i < count; ++i) {
            new (data_ + i) T{};
        }
    }
    LargeArray(LargeArray&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)),
          count_(std::exchange(other.count_, 0)) {}
    LargeArray& operator=(LargeArray&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(count_, other.count_);
        return *this;
    }
    LargeArray(const LargeArray&) = delete;
    LargeArray& operator=(const LargeArray&) = delete;
    ~LargeArray() {
        if (data_ != nullptr) {
            unmap_large(data_, count_ * sizeof(T));
        }
    }

    [[nodiscard]] T& operator[](std::size_t i) noexcept { return data_[i]; }
    [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data_[i]; }
    [[nodiscard]] std::size_t size() const noexcept { return count_; }
    [[nodiscard]] T* data() noexcept { return data_; }

private:
    T* data_ = nullptr;
    std::size_t count_ = 0;
};

}  // namespace sallyport::dataplane
