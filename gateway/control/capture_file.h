// SPDX-License-Identifier: Apache-2.0
// Capture files in and out, by libpcap: pcap and pcapng of the link types that decode() knows. One
// thread.
#pragma once

#include "classifier/decode.h"
#include "gateway/model/result.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct pcap;
struct pcap_dumper;

namespace sallyport::control {

struct CapturedFrame {
    std::span<const std::uint8_t> bytes;  ///< valid until the next call
    std::uint64_t time_ns = 0;            ///< as stamped by the capture, since the epoch
    std::uint32_t wire_bytes = 0;         ///< before the capture cut it
};

class CaptureReader {
public:
    enum class Step : std::uint8_t { frame, end, damaged };

    /// `path` "-" is standard input. Refused: not a capture, or a link type without a decoder.
    static Result<std::unique_ptr<CaptureReader>> open(const std::string& path);
    ~CaptureReader();
    CaptureReader(const CaptureReader&) = delete;
    CaptureReader& operator=(const CaptureReader&) = delete;

    /// The next frame. `damaged`: the file is truncated or corrupt here, see error().
    Step next(CapturedFrame& frame);
    [[nodiscard]] classifier::LinkType link() const noexcept { return link_; }
    /// Frames read so far.
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    /// `path: packet N: what is wrong`, after `damaged`.
    [[nodiscard]] const std::string& error() const noexcept { return error_; }

private:
    CaptureReader(std::string path, pcap* handle, classifier::LinkType link);
    std::string path_;
    pcap* handle_;
    classifier::LinkType link_;
    std::uint64_t count_ = 0;
    std::string error_;
};

/// Writes IP packets (LINKTYPE_RAW) with nanosecond times.
class CaptureWriter {
public:
    static Result<std::unique_ptr<CaptureWriter>> create(const std::string& path);
    ~CaptureWriter();
    CaptureWriter(const CaptureWriter&) = delete;
    CaptureWriter& operator=(const CaptureWriter&) = delete;

    void write(std::span<const std::uint8_t> ip_packet, std::uint64_t time_ns);
    /// Flushes and says whether everything reached the file.
    Status close();

private:
    CaptureWriter(std::string path, pcap* handle, pcap_dumper* dumper);
    std::string path_;
    pcap* handle_;
    pcap_dumper* dumper_;
};

}  // namespace sallyport::control
