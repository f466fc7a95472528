// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/capture_file.h"

#include <pcap/pcap.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

namespace sallyport::control {
namespace {

constexpr int kSnapLength = 262144;  // libpcap's own MAXIMUM_SNAPLEN

std::optional<classifier::LinkType> link_type_of(int datalink) {
    switch (datalink) {
        case DLT_EN10MB:
            return classifier::LinkType::ethernet;
        case DLT_RAW:
        case DLT_IPV4:
        case DLT_IPV6:
            return classifier::LinkType::raw_ip;
        case DLT_LINUX_SLL:
            return classifier::LinkType::linux_cooked_v1;
        case DLT_LINUX_SLL2:
            return classifier::LinkType::linux_cooked_v2;
        case DLT_NULL:
        case DLT_LOOP:
            return classifier::LinkType::bsd_null;
        default:
            return std::nullopt;
    }
}

}  // namespace

CaptureReader::CaptureReader(std::string path, pcap* handle, classifier::LinkType link)
    : path_(std::move(path)),
      handle_(handle),
      link_(link) {}

CaptureReader::~CaptureReader() {
    pcap_close(handle_);
}

Result<std::unique_ptr<CaptureReader>> CaptureReader::open(const std::string& path) {
    std::array<char, PCAP_ERRBUF_SIZE> error{};
    pcap* handle = pcap_open_offline_with_tstamp_precision(
        path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error.data()
    );
    if (handle == nullptr) {
        const std::string_view text = error.data();
        return Error{text.starts_with(path) ? std::string(text) : path + ": " + std::string(text)};
    }
    const int datalink = pcap_datalink(handle);
    const auto link = link_type_of(datalink);
    if (!link) {
        const char* name = pcap_datalink_val_to_name(datalink);
        const std::string text = name == nullptr ? std::to_string(datalink) : name;
        pcap_close(handle);
        return Error{
            path + ": link type " + text +
            " is not supported; expected Ethernet, raw IP, Linux cooked (SLL, SLL2) or BSD null"};
    }
    return std::unique_ptr<CaptureReader>(new CaptureReader(path, handle, *link));
}

CaptureReader::Step CaptureReader::next(CapturedFrame& frame) {
    pcap_pkthdr* header = nullptr;
    const unsigned char* bytes = nullptr;
    const int got = pcap_next_ex(handle_, &header, &bytes);
    if (got == PCAP_ERROR_BREAK) {
        return Step::end;
    }
    if (got != 1) {
        error_ = path_ + ": packet " + std::to_string(count_ + 1) + ": " + pcap_geterr(handle_);
        return Step::damaged;
    }
    ++count_;
    frame.bytes = {bytes, header->caplen};
    frame.wire_bytes = header->len;
    // With nanosecond precision tv_usec holds nanoseconds.
    frame.time_ns = static_cast<std::uint64_t>(header->ts.tv_sec) * 1'000'000'000U +
                    static_cast<std::uint64_t>(header->ts.tv_usec);
    return Step::frame;
}

CaptureWriter::CaptureWriter(std::string path, pcap* handle, pcap_dumper* dumper)
    : path_(std::move(path)),
      handle_(handle),
      dumper_(dumper) {}

CaptureWriter::~CaptureWriter() {
    if (dumper_ != nullptr) {
        pcap_dump_close(dumper_);
    }
    pcap_close(handle_);
}

Result<std::unique_ptr<CaptureWriter>> CaptureWriter::create(const std::string& path) {
    pcap* handle =
        pcap_open_dead_with_tstamp_precision(DLT_RAW, kSnapLength, PCAP_TSTAMP_PRECISION_NANO);
    pcap_dumper* dumper = pcap_dump_open(handle, path.c_str());
    if (dumper == nullptr) {
        std::string text = pcap_geterr(handle);
        pcap_close(handle);
        return Error{text.starts_with(path) ? text : path + ": " + text};
    }
    return std::unique_ptr<CaptureWriter>(new CaptureWriter(path, handle, dumper));
}

void CaptureWriter::write(std::span<const std::uint8_t> ip_packet, std::uint64_t time_ns) {
    pcap_pkthdr header{};
    header.caplen = static_cast<std::uint32_t>(ip_packet.size());
    header.len = header.caplen;
    header.ts.tv_sec = static_cast<time_t>(time_ns / 1'000'000'000U);
    header.ts.tv_usec = static_cast<suseconds_t>(time_ns % 1'000'000'000U);
    pcap_dump(reinterpret_cast<unsigned char*>(dumper_), &header, ip_packet.data());
}

Status CaptureWriter::close() {
    const bool flushed = pcap_dump_flush(dumper_) == 0;
    const int code = errno;
    pcap_dump_close(dumper_);
    dumper_ = nullptr;
    if (!flushed) {
        return Error{path_ + ": " + std::strerror(code)};
    }
    return Done{};
}

}  // namespace sallyport::control
