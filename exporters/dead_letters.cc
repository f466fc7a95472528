// SPDX-License-Identifier: Apache-2.0
#include "exporters/dead_letters.h"

#include "exporters/spool_files.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sallyport::exporters {
namespace {

/// Documents hold names of workloads: not for everybody.
constexpr mode_t kFileMode = 0640;
constexpr std::chrono::seconds kRetry{1};

}  // namespace

void DeadLetters::add(std::uint64_t token, std::string_view document) {
    waiting_.push_back({token, std::string(document)});
    bytes_ += document.size();
}

std::vector<std::uint64_t> DeadLetters::write(SteadyTime now) {
    std::vector<std::uint64_t> out;
    while (!waiting_.empty() && now >= retry_at_) {
        const Letter& letter = waiting_.front();
        const Status written = append(letter.document);
        error_ = written ? std::string() : written.error().message;
        if (!written) {
            retry_at_ = now + kRetry;
            break;
        }
        out.push_back(letter.token);
        bytes_ -= letter.document.size();
        waiting_.pop_front();
    }
    return out;
}

void DeadLetters::clear() {
    waiting_.clear();
    bytes_ = 0;
}

Status DeadLetters::append(const std::string& document) const {
    if (path_.empty()) {
        return Done{};
    }
    const FileDescriptor fd(
        open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, kFileMode)
    );
    struct stat before {};
    if (!fd.valid() || fstat(fd.get(), &before) != 0) {
        return Error{describe("cannot open", path_, errno)};
    }
    const std::string line = document + '\n';
    const ssize_t wrote = ::write(fd.get(), line.data(), line.size());
    int error = wrote < 0 ? errno : wrote < static_cast<ssize_t>(line.size()) ? ENOSPC : 0;
    // EINVAL: a pipe, where there is nothing to sync.
    if (error == 0 && fdatasync(fd.get()) != 0 && errno != EINVAL) {
        error = errno;
    }
    if (error == 0) {
        return Done{};
    }
    // Half a letter would spoil the next one.
    [[maybe_unused]] const int cut = ftruncate(fd.get(), before.st_size);
    return Error{describe("cannot write", path_, error)};
}

}  // namespace sallyport::exporters
