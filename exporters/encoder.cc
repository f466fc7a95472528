// SPDX-License-Identifier: Apache-2.0
#include "exporters/encoder.h"

#include "exporters/ecs_encoder.h"
#include "exporters/flat_encoder.h"

#include <array>
#include <charconv>

namespace sallyport::exporters {
namespace {

void append_number(std::uint64_t value, int base, std::size_t width, std::string& out) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr;
    const auto size = static_cast<std::size_t>(end - digits.data());
    out.append(width > size ? width - size : 0, '0');
    out.append(digits.data(), size);
}

struct CivilDate {
    std::uint64_t year;
    unsigned month;
    unsigned day;
};

/// Days since 1970-01-01 to the proleptic Gregorian calendar (Hinnant, "chrono-compatible low-level
/// date algorithms", civil_from_days), for days after the epoch.
CivilDate civil_from_days(std::uint64_t days) {
    const std::uint64_t shifted = days + 719468;
    const std::uint64_t era = shifted / 146097;
    const std::uint64_t day_of_era = shifted % 146097;
    const std::uint64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const std::uint64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::uint64_t month_index = (5 * day_of_year + 2) / 153;
    const auto day = static_cast<unsigned>(day_of_year - (153 * month_index + 2) / 5 + 1);
    const auto month = static_cast<unsigned>(month_index < 10 ? month_index + 3 : month_index - 9);
    return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

}  // namespace

void append_time(std::uint64_t time_ns, std::string& out) {
    const std::uint64_t seconds = time_ns / 1'000'000'000;
    const CivilDate date = civil_from_days(seconds / 86400);
    const std::uint64_t in_day = seconds % 86400;
    append_number(date.year, 10, 4, out);
    out += '-';
    append_number(date.month, 10, 2, out);
    out += '-';
    append_number(date.day, 10, 2, out);
    out += 'T';
    append_number(in_day / 3600, 10, 2, out);
    out += ':';
    append_number(in_day / 60 % 60, 10, 2, out);
    out += ':';
    append_number(in_day % 60, 10, 2, out);
    out += '.';
    append_number(time_ns % 1'000'000'000, 10, 9, out);
    out += 'Z';
}

void append_event_id(const Event& event, const EventDictionary& names, std::string& out) {
    out.append(names.gateway).append(":");
    append_number(event.boot, 16, 8, out);
    out += ':';
    if (event.worker == kControlWorker) {
        out += 'c';
    } else if (event.worker == kSpoolWorker) {
        out += 's';
    } else {
        append_number(event.worker, 10, 1, out);
    }
    out += ':';
    append_number(event.sequence, 10, 1, out);
}

const Workload* workload_of(const Event& event, const EventDictionary& names) noexcept {
    if (event.workload >= names.workloads.size() || event.workload == kUnknownWorkload ||
        event.workload == kAmbiguousWorkload) {
        return nullptr;
    }
    const Workload& workload = names.workloads[event.workload];
    return workload.kind == Workload::Kind::none ? nullptr : &workload;
}

std::string_view encoding_names() noexcept {
    return "ecs, flat";
}

Result<std::unique_ptr<Encoder>> make_encoder(
    std::string_view encoding, const EncoderSettings& settings
) {
    if (encoding == "ecs") {
        return std::unique_ptr<Encoder>(std::make_unique<EcsEncoder>(settings));
    }
    if (encoding == "flat") {
        return std::unique_ptr<Encoder>(std::make_unique<FlatEncoder>());
    }
    constexpr std::array<std::string_view, 4> kPlanned{"ocsf", "cef", "leef", "eve"};
    for (const std::string_view planned : kPlanned) {
        if (encoding == planned) {
            return Error{
                "encoding \"" + std::string(encoding) +
                "\" is not supported by this version, expected one of " +
                std::string(encoding_names())};
        }
    }
    return Error{
        "encoding \"" + std::string(encoding) + "\" is unknown, expected one of " +
        std::string(encoding_names())};
}

}  // namespace sallyport::exporters
