// SPDX-License-Identifier: Apache-2.0
#include "exporters/dictionary_store.h"

#include "exporters/byte_io.h"
#include "exporters/crc32c.h"

#include <algorithm>
#include <tuple>
#include <unistd.h>
#include <utility>
#include <vector>

namespace sallyport::exporters {
namespace {

constexpr std::string_view kMagic{"SPLYDIC\0", 8};
constexpr std::uint32_t kVersion = 1;
/// A cluster of 100 000 pods with long labels stays below this.
constexpr std::uint64_t kDictionaryBytesMax = 1ULL << 30U;
/// The generations whose events a spooler and its sinks meet at one time, with room.
constexpr std::size_t kRecentMax = 8;
/// Generations whose names may wait in memory for a disk that is full.
constexpr std::size_t kUnwrittenMax = 64;
/// Smallest encodings, for ByteReader::count(): every text takes its four bytes of length.
constexpr std::size_t kTextBytesMin = 4;
constexpr std::size_t kWorkloadBytesMin = 2 + 8 * kTextBytesMin + 3 * sizeof(std::uint32_t);
constexpr std::size_t kRuleBytesMin = 6 * kTextBytesMin;
constexpr std::size_t kFeedBytesMin = 2 * kTextBytesMin + 2;
constexpr std::size_t kAddressBytes = 17;

void put_size(std::string& out, std::size_t size) {
    put(out, static_cast<std::uint32_t>(size));
}

void put_labels(std::string& out, const std::map<std::string, std::string>& labels) {
    put_size(out, labels.size());
    for (const auto& [key, value] : labels) {
        put_text(out, key);
        put_text(out, value);
    }
}

void put_workload(std::string& out, const Workload& workload) {
    put(out, static_cast<std::uint8_t>(workload.kind));
    put(out, static_cast<std::uint8_t>(workload.live ? 1 : 0));
    for (const std::string* text :
         {&workload.namespace_name,
          &workload.pod,
          &workload.uid,
          &workload.owner_kind,
          &workload.owner_name,
          &workload.service_account,
          &workload.node,
          &workload.single_container}) {
        put_text(out, *text);
    }
    put_size(out, workload.addresses.size());
    for (const IpAddress& address : workload.addresses) {
        put(out, static_cast<std::uint8_t>(address.family));
        out.append(reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size());
    }
    put_labels(out, workload.labels);
    put_labels(out, workload.namespace_labels);
}

std::map<std::string, std::string> get_labels(ByteReader& reader) {
    std::map<std::string, std::string> out;
    for (std::size_t left = reader.count(2 * kTextBytesMin); left > 0; --left) {
        std::string key = reader.text();
        out.insert_or_assign(std::move(key), reader.text());
    }
    return out;
}

IpAddress get_address(ByteReader& reader) {
    IpAddress out;
    const auto family = reader.get<std::uint8_t>();
    const auto bytes = reader.take(out.bytes.size());
    if (bytes.empty() || (family != 4 && family != 6)) {
        reader.fail();
        return out;
    }
    out.family = static_cast<IpFamily>(family);
    std::ranges::copy(bytes, out.bytes.begin());
    return out;
}

Workload get_workload(ByteReader& reader) {
    Workload out;
    const auto kind = reader.get<std::uint8_t>();
    if (kind > static_cast<std::uint8_t>(Workload::Kind::node)) {
        reader.fail();
        return out;
    }
    out.kind = static_cast<Workload::Kind>(kind);
    out.live = reader.get<std::uint8_t>() != 0;
    for (std::string* text :
         {&out.namespace_name,
          &out.pod,
          &out.uid,
          &out.owner_kind,
          &out.owner_name,
          &out.service_account,
          &out.node,
          &out.single_container}) {
        *text = reader.text();
    }
    for (std::size_t left = reader.count(kAddressBytes); left > 0; --left) {
        out.addresses.push_back(get_address(reader));
    }
    out.labels = get_labels(reader);
    out.namespace_labels = get_labels(reader);
    return out;
}

void put_rule(std::string& out, const RuleNames& rule) {
    for (const std::string* text :
         {&rule.id, &rule.name, &rule.policy, &rule.tier, &rule.trace, &rule.place}) {
        put_text(out, *text);
    }
}

RuleNames get_rule(ByteReader& reader) {
    RuleNames out;
    for (std::string* text : {&out.id, &out.name, &out.policy, &out.tier, &out.trace, &out.place}) {
        *text = reader.text();
    }
    return out;
}

void put_feed(std::string& out, const FeedNames& feed) {
    put_text(out, feed.name);
    put_text(out, feed.category);
    put(out, static_cast<std::uint8_t>(feed.action));
    put(out, feed.confidence);
}

FeedNames get_feed(ByteReader& reader) {
    FeedNames out;
    out.name = reader.text();
    out.category = reader.text();
    const auto action = reader.get<std::uint8_t>();
    if (action > static_cast<std::uint8_t>(FeedAction::allow)) {
        reader.fail();
        return out;
    }
    out.action = static_cast<FeedAction>(action);
    out.confidence = reader.get<std::uint8_t>();
    return out;
}

std::vector<std::string> get_texts(ByteReader& reader) {
    std::vector<std::string> out;
    for (std::size_t left = reader.count(kTextBytesMin); left > 0; --left) {
        out.push_back(reader.text());
    }
    return out;
}

/// What holds for a whole boot, without anything that ids of one generation point into.
std::shared_ptr<EventDictionary> gateway_only(const EventDictionary& from) {
    auto out = std::make_shared<EventDictionary>();
    out->boot = from.boot;
    out->gateway = from.gateway;
    out->cluster = from.cluster;
    out->hostname = from.hostname;
    out->version = from.version;
    return out;
}

}  // namespace

void append_dictionary(const EventDictionary& dictionary, std::string& out) {
    const std::size_t start = out.size();
    out.append(kMagic);
    put(out, kVersion);
    put(out, kByteOrderMark);
    put(out, dictionary.boot);
    put(out, dictionary.generation);
    put_text(out, dictionary.gateway);
    put_text(out, dictionary.cluster);
    put_text(out, dictionary.hostname);
    put_text(out, dictionary.version);
    put_size(out, dictionary.workloads.size());
    for (const Workload& workload : dictionary.workloads) {
        put_workload(out, workload);
    }
    put_size(out, dictionary.rules.size());
    for (const RuleNames& rule : dictionary.rules) {
        put_rule(out, rule);
    }
    put_size(out, dictionary.feeds.size());
    for (const FeedNames& feed : dictionary.feeds) {
        put_feed(out, feed);
    }
    for (const auto* texts : {&dictionary.pools, &dictionary.patterns}) {
        put_size(out, texts->size());
        for (const std::string& text : *texts) {
            put_text(out, text);
        }
    }
    put(out, crc32c(0, bytes_of(std::string_view(out).substr(start))));
}

std::optional<EventDictionary> parse_dictionary(std::span<const std::uint8_t> bytes) {
    ByteReader reader(bytes);
    if (!std::ranges::equal(reader.take(kMagic.size()), bytes_of(kMagic)) ||
        reader.get<std::uint32_t>() != kVersion || reader.get<std::uint32_t>() != kByteOrderMark) {
        return std::nullopt;
    }
    EventDictionary out;
    out.boot = reader.get<std::uint64_t>();
    out.generation = reader.get<std::uint32_t>();
    out.gateway = reader.text();
    out.cluster = reader.text();
    out.hostname = reader.text();
    out.version = reader.text();
    for (std::size_t left = reader.count(kWorkloadBytesMin); left > 0 && reader.ok(); --left) {
        out.workloads.push_back(get_workload(reader));
    }
    for (std::size_t left = reader.count(kRuleBytesMin); left > 0 && reader.ok(); --left) {
        out.rules.push_back(get_rule(reader));
    }
    for (std::size_t left = reader.count(kFeedBytesMin); left > 0 && reader.ok(); --left) {
        out.feeds.push_back(get_feed(reader));
    }
    out.pools = get_texts(reader);
    out.patterns = get_texts(reader);
    const auto crc = reader.get<std::uint32_t>();
    if (!reader.ok() || reader.left() != 0 || crc != crc32c(0, bytes.first(bytes.size() - 4))) {
        return std::nullopt;
    }
    return out;
}

DictionaryStore::DictionaryStore(std::string directory) : directory_(std::move(directory)) {}

Status DictionaryStore::save(SpoolIo& io, const EventDictionary& dictionary) const {
    std::string bytes;
    append_dictionary(dictionary, bytes);
    const std::string path = dictionary_path(directory_, dictionary.boot, dictionary.generation);
    const int error = io.replace(path, bytes);
    return error == 0 ? Status(Done{}) : Status(Error{describe("cannot write", path, -error)});
}

Status DictionaryStore::write(SpoolIo& io, const EventDictionary& dictionary) {
    Status saved = save(io, dictionary);
    const Key key{dictionary.boot, dictionary.generation};
    auto kept = std::make_shared<const EventDictionary>(dictionary);
    const std::lock_guard lock(mutex_);
    if (!saved) {
        unwritten_.insert_or_assign(key, kept);
        if (unwritten_.size() > kUnwrittenMax) {
            unwritten_.erase(unwritten_.begin());
        }
        unwritten_error_ = saved.error().message;
    }
    remember(key, std::move(kept));
    return saved;
}

bool DictionaryStore::write_again(SpoolIo& io) {
    for (;;) {
        std::shared_ptr<const EventDictionary> next;
        {
            const std::lock_guard lock(mutex_);
            if (unwritten_.empty()) {
                return true;
            }
            next = unwritten_.rbegin()->second;  // the newest matter most
        }
        const Status saved = save(io, *next);  // readers need not wait for the disk
        const std::lock_guard lock(mutex_);
        if (!saved) {
            unwritten_error_ = saved.error().message;
            return false;
        }
        unwritten_.erase({next->boot, next->generation});
    }
}

std::string DictionaryStore::unwritten() {
    const std::lock_guard lock(mutex_);
    return unwritten_.empty()
               ? std::string()
               : unwritten_error_ + "; generations whose names are in memory only: " +
                     std::to_string(unwritten_.size());
}

std::shared_ptr<const EventDictionary> DictionaryStore::find(
    std::uint64_t boot, std::uint32_t generation
) {
    const Key key{boot, generation};
    const std::lock_guard lock(mutex_);
    if (auto found = cached(key)) {
        return found;
    }
    auto found = load(key);
    if (!found) {
        found = substitute(key);
    }
    remember(key, found);
    return found;
}

std::shared_ptr<const EventDictionary> DictionaryStore::cached(const Key& key) {
    if (const auto kept = unwritten_.find(key); kept != unwritten_.end()) {
        return kept->second;
    }
    const auto at = std::ranges::find(recent_, key, &Entry::key);
    return at == recent_.end() ? nullptr : at->dictionary;
}

std::shared_ptr<const EventDictionary> DictionaryStore::load(const Key& key) const {
    const auto bytes =
        read_file(dictionary_path(directory_, key.first, key.second), kDictionaryBytesMax);
    auto parsed = bytes ? parse_dictionary(bytes_of(*bytes)) : std::nullopt;
    if (!parsed || parsed->boot != key.first || parsed->generation != key.second) {
        return nullptr;
    }
    return std::make_shared<const EventDictionary>(std::move(*parsed));
}

std::shared_ptr<const EventDictionary> DictionaryStore::substitute(const Key& key) const {
    const auto listing = list_spool(directory_);
    std::vector<Key> same_boot;  // newer ones first, nearest first; then the older ones
    for (const Key& other : listing.dictionaries) {
        if (other.first == key.first && other.second > key.second) {
            same_boot.push_back(other);
        }
    }
    for (const Key& other : listing.dictionaries) {
        if (other.first == key.first && other.second < key.second) {
            same_boot.push_back(other);
        }
    }
    for (const Key& other : same_boot) {
        if (const auto near = load(other)) {
            auto out = gateway_only(*near);
            out->generation = key.second;
            out->workloads = near->workloads;
            return out;
        }
    }
    for (const Key& other : listing.dictionaries) {
        if (const auto any = load(other)) {
            return gateway_only(*any);
        }
    }
    return std::make_shared<const EventDictionary>();
}

void DictionaryStore::remember(const Key& key, std::shared_ptr<const EventDictionary> dictionary) {
    std::erase_if(recent_, [&](const Entry& entry) { return entry.key == key; });
    recent_.push_front({key, std::move(dictionary)});
    if (recent_.size() > kRecentMax) {
        recent_.pop_back();
    }
}

void DictionaryStore::collect(
    const std::set<std::pair<std::uint64_t, std::uint32_t>>& needed,
    std::uint64_t boot,
    std::uint32_t keep_from,
    std::uint64_t bytes_max
) {
    const auto path_of = [this](const Key& key) {
        return dictionary_path(directory_, key.first, key.second);
    };
    const auto is_current = [&](const Key& key) {
        return key.first == boot && key.second >= keep_from;
    };
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(unwritten_, [&](const auto& entry) {
            return !is_current(entry.first) && !needed.contains(entry.first);
        });
    }
    std::uint64_t bytes = 0;
    std::vector<Key> left;
    for (const Key& key : list_spool(directory_).dictionaries) {
        if (!is_current(key) && !needed.contains(key)) {
            unlink(path_of(key).c_str());
        } else {
            bytes += file_bytes(path_of(key));
            left.push_back(key);
        }
    }
    // Generations rise within a boot; other boots are older than this one.
    std::ranges::sort(left, [boot](const Key& a, const Key& b) {
        return std::tuple(a.first == boot, a) < std::tuple(b.first == boot, b);
    });
    for (auto at = left.begin(); at != left.end() && bytes > bytes_max && !is_current(*at); ++at) {
        bytes -= std::min(bytes, file_bytes(path_of(*at)));
        unlink(path_of(*at).c_str());
    }
}

}  // namespace sallyport::exporters
