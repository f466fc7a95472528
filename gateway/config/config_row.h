// SPDX-License-Identifier: Apache-2.0
// What a row of the configuration table is. A row names a key and binds it to its field, so that
// parsing, validation, defaults and the reference page cannot drift apart.
#pragma once

#include "gateway/config/config.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>

namespace sallyport::config {

/// Reaches one field of type T in the section it is given.
template <class T>
struct FieldRef {
    T& (*of)(void* section);
};

/// An enumeration, by the index of its name in Row::choices.
struct ChoiceRef {
    std::size_t (*get)(void* section);
    void (*set)(void* section, std::size_t index);
};

struct Row;

/// A nested map with rows of its own.
struct SectionRef {
    void* (*of)(void* section);  ///< makes an optional section when it is asked for
    std::span<const Row> rows;
};

/// A list of maps.
struct ListRef {
    void* (*append)(void* section);
    std::span<const Row> rows;
    bool one_key = false;  ///< each entry is a map of exactly one key (`- kafka: {...}`)
};

/// A key of interfaces.md that this version knows of and refuses.
struct LaterRef {};

using Field = std::variant<
    FieldRef<std::string>,
    FieldRef<bool>,
    FieldRef<std::uint32_t>,
    FieldRef<std::optional<std::uint32_t>>,
    FieldRef<std::chrono::milliseconds>,
    FieldRef<ByteSize>,
    FieldRef<std::vector<std::string>>,
    FieldRef<std::vector<IpAddress>>,
    FieldRef<std::vector<IpPrefix>>,
    FieldRef<std::map<std::string, std::string>>,
    ChoiceRef,
    SectionRef,
    ListRef,
    LaterRef>;

/// Inclusive bounds: integers as they are, durations in ms, sizes in bytes, texts in characters,
/// lists in entries.
struct Range {
    std::uint64_t min = 0;
    std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
};

enum class Text : std::uint8_t {
    plain,
    path,    ///< resolved against the folder of the configuration file
    name,    ///< letters, digits, '-', '_' and '.': becomes part of ids, topics and file names
    broker,  ///< host:port
    secret,  ///< points at a secret: its value is never printed
};

struct Row {
    std::string_view name;
    Field field;
    std::string_view help;  ///< one sentence
    bool required = false;
    Range range{};
    std::span<const std::string_view> choices{};
    Text text = Text::plain;
    /// Choices of interfaces.md that a later version brings: known, refused.
    std::span<const std::string_view> later_choices{};
};

namespace row_detail {

template <class>
struct MemberOf;
template <class S, class T>
struct MemberOf<T S::*> {
    using Section = S;
    using Type = T;
};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

}  // namespace row_detail

/// A field reached through its member pointer: `field<&PortConfig::name>()`.
template <auto Member>
constexpr auto field() {
    using M = row_detail::MemberOf<decltype(Member)>;
    return FieldRef<typename M::Type>{[](void* section) -> typename M::Type& {
        return static_cast<typename M::Section*>(section)->*Member;
    }};
}

template <auto Member>
constexpr ChoiceRef choice() {
    using M = row_detail::MemberOf<decltype(Member)>;
    return {
        [](void* section) {
            return static_cast<std::size_t>(static_cast<typename M::Section*>(section)->*Member);
        },
        [](void* section, std::size_t index) {
            static_cast<typename M::Section*>(section)->*Member =
                static_cast<typename M::Type>(index);
        }};
}

template <auto Member>
constexpr SectionRef section(std::span<const Row> rows) {
    using M = row_detail::MemberOf<decltype(Member)>;
    return {
        [](void* parent) -> void* {
            auto& value = static_cast<typename M::Section*>(parent)->*Member;
            if constexpr (row_detail::IsOptional<typename M::Type>::value) {
                if (!value) {
                    value.emplace();
                }
                return &*value;
            } else {
                return &value;
            }
        },
        rows};
}

template <auto Member>
constexpr ListRef list(std::span<const Row> rows, bool one_key = false) {
    using M = row_detail::MemberOf<decltype(Member)>;
    return {
        [](void* parent) -> void* {
            return &(static_cast<typename M::Section*>(parent)->*Member).emplace_back();
        },
        rows,
        one_key};
}

}  // namespace sallyport::config
