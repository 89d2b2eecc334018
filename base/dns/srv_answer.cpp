#include "base/dns/srv_answer.hpp"

#include <algorithm>
#include <optional>

namespace roomgate::dns {
namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kMaxNameBytes = 255;  // RFC 1035 3.1
constexpr int kMaxJumps = 64;               // every jump goes backwards; this bounds what one name may cost
constexpr std::uint16_t kInternet = 1;
constexpr std::uint16_t kTypeCname = 5;
constexpr std::uint16_t kTypeSrv = 33;

void append_label(std::string& name, ByteView label) {
  if (!name.empty()) name += '.';
  for (const std::uint8_t byte : label) {
    const bool capital = byte >= 'A' && byte <= 'Z';
    const bool plain =
        capital || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
    if (plain) {
      name += static_cast<char>(capital ? byte - 'A' + 'a' : byte);
    } else {
      // RFC 1035 5.1: so that a dot inside of a label does not look like one between two.
      for (const int digit : {byte / 100, byte / 10 % 10, byte % 10}) name += static_cast<char>('0' + digit);
      name.insert(name.size() - 3, 1, '\\');
    }
  }
}

// The name at `at`, which is then behind it. Pointers lead strictly backwards, so it ends.
std::optional<std::string> read_name(ByteView message, std::size_t& at) {
  std::string name;
  std::size_t place = at;
  std::size_t lowest = at;  // of what has been read: a pointer must lead below it
  std::size_t length = 1;
  int jumps = 0;
  while (place < message.size()) {
    const std::uint8_t size = message[place];
    if (size >= 0xc0) {
      if (place + 1 >= message.size() || ++jumps > kMaxJumps) return std::nullopt;
      const std::size_t to = std::size_t{size & 0x3fU} << 8 | message[place + 1];
      if (jumps == 1) at = place + 2;
      if (to >= lowest || to < kHeaderBytes) return std::nullopt;
      place = lowest = to;
      continue;
    }
    if (size > 63) return std::nullopt;  // RFC 6891 5: other label types were tried and given up
    if (size == 0) {
      if (jumps == 0) at = place + 1;
      return name;
    }
    length += 1 + std::size_t{size};
    if (length > kMaxNameBytes || message.size() - place - 1 < size) return std::nullopt;
    append_label(name, message.subspan(place + 1, size));
    place += 1 + std::size_t{size};
  }
  return std::nullopt;
}

struct Alias {
  std::string owner;
  std::string target;
  std::uint32_t ttl = 0;
};
struct Offer {
  std::string owner;
  SrvRecord record;
  std::uint32_t ttl = 0;
};

std::optional<DnsError> error_of(std::uint16_t flags) {
  const bool is_answer = (flags & 0x8000U) != 0 && (flags & 0x7800U) == 0;
  if (!is_answer) return DnsError::malformed;
  switch (flags & 0x000fU) {
    case 0: break;
    case 3: return DnsError::no_such_name;
    case 5: return DnsError::refused;
    default: return DnsError::server_failed;
  }
  // Part of a set would look as if the rest had gone.
  if ((flags & 0x0200U) != 0) return DnsError::truncated;
  return std::nullopt;
}

// The answer section, read to its end.
class AnswerSection {
 public:
  // `at`: where it begins. False: malformed.
  bool read(ByteView message, std::size_t at, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      auto owner = read_name(message, at);
      if (!owner) return false;
      ByteReader fixed(message.subspan(at));
      const std::uint16_t type = fixed.u16();
      const std::uint16_t net_class = fixed.u16();
      std::uint32_t ttl = fixed.u32();
      if (ttl > 0x7fffffffU) ttl = 0;  // RFC 2181 8
      const std::size_t size = fixed.u16();
      if (fixed.failed() || fixed.left() < size) return false;
      at += fixed.position();
      const std::size_t end = at + size;
      if (net_class == kInternet && type == kTypeSrv) {
        if (!read_offer(message, at, end, std::move(*owner), ttl)) return false;
      } else if (net_class == kInternet && type == kTypeCname) {
        auto target = read_name(message, at);
        if (!target || at != end) return false;
        aliases_.push_back({std::move(*owner), std::move(*target), ttl});
      }
      at = end;
    }
    return true;
  }

  Result<SrvAnswer, DnsError> follow(std::string name, std::size_t max_aliases) const {
    std::uint32_t ttl = 0x7fffffffU;
    for (std::size_t followed = 0;; ++followed) {
      SrvAnswer answer;
      for (const Offer& offer : offers_) {
        if (offer.owner != name) continue;
        answer.records.push_back(offer.record);
        ttl = std::min(ttl, offer.ttl);
      }
      if (!answer.records.empty()) {
        answer.ttl = seconds(ttl);
        return answer;
      }
      const auto alias = std::find_if(aliases_.begin(), aliases_.end(),
                                      [&name](const Alias& each) { return each.owner == name; });
      if (alias == aliases_.end()) return fail(DnsError::no_data);
      if (followed == max_aliases) return fail(DnsError::too_many_aliases);
      name = alias->target;
      ttl = std::min(ttl, alias->ttl);
    }
  }

 private:
  bool read_offer(ByteView message, std::size_t at, std::size_t end, std::string owner, std::uint32_t ttl) {
    if (end - at < 6) return false;
    ByteReader numbers(message.subspan(at, 6));
    SrvRecord record;
    record.priority = numbers.u16();
    record.weight = numbers.u16();
    record.port = numbers.u16();
    at += 6;
    // RFC 2782 forbids compression here; some servers do it, and it harms nobody.
    auto target = read_name(message, at);
    if (!target || at != end) return false;
    record.target = std::move(*target);
    offers_.push_back({std::move(owner), std::move(record), ttl});
    return true;
  }

  std::vector<Alias> aliases_;
  std::vector<Offer> offers_;
};

}  // namespace

Result<SrvAnswer, DnsError> parse_srv_answer(ByteView message, const SrvLimits& limits) {
  if (message.size() > limits.max_bytes) return fail(DnsError::too_large);
  ByteReader header(message);
  header.skip(2);  // the id: whoever sent the question has compared it
  const std::uint16_t flags = header.u16();
  const std::uint16_t questions = header.u16();
  const std::uint16_t answers = header.u16();
  header.skip(4);
  if (header.failed()) return fail(DnsError::malformed);
  if (const auto error = error_of(flags)) return fail(*error);
  if (questions != 1) return fail(DnsError::malformed);
  if (answers > limits.max_records) return fail(DnsError::too_large);

  std::size_t at = kHeaderBytes;
  const auto asked = read_name(message, at);
  if (!asked || message.size() - at < 4) return fail(DnsError::malformed);
  AnswerSection section;
  if (!section.read(message, at + 4, answers)) return fail(DnsError::malformed);
  return section.follow(*asked, limits.max_aliases);
}

}  // namespace roomgate::dns
