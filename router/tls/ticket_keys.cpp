#include "router/tls/ticket_keys.hpp"

#include <algorithm>
#include <cstring>

#include "base/bytes.hpp"
#include "base/encoding.hpp"
#include "base/random.hpp"

namespace roomgate::router::tls {
namespace {

constexpr std::size_t kKeptOld = 2;
constexpr std::size_t kKeyBytes = 80;

TicketKey random_key() {
  TicketKey key;
  random_bytes(key.name);
  random_bytes(key.cipher);
  random_bytes(key.mac);
  return key;
}

TicketKey read_key(const std::uint8_t* bytes) {
  TicketKey key;
  std::memcpy(key.name.data(), bytes, key.name.size());
  std::memcpy(key.cipher.data(), bytes + 16, key.cipher.size());
  std::memcpy(key.mac.data(), bytes + 48, key.mac.size());
  return key;
}

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r";
  const auto first = line.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kBlank) - first + 1);
}

}  // namespace

TicketKeys TicketKeys::random() { return TicketKeys({random_key()}); }

TicketKeys TicketKeys::rotated() const {
  std::vector<TicketKey> keys{random_key()};
  keys.insert(keys.end(), keys_.begin(),
              keys_.begin() + static_cast<std::ptrdiff_t>(std::min(kKeptOld, keys_.size())));
  return TicketKeys(std::move(keys));
}

Result<TicketKeys, std::string> TicketKeys::parse(std::string_view text) {
  std::vector<TicketKey> keys;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto line = trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.empty() || line.starts_with('#')) continue;
    const auto where = "line " + std::to_string(number) + ": ";
    const auto bytes = from_base64(line);
    if (!bytes || bytes->size() != kKeyBytes) return fail(where + "is not 80 bytes in base64");
    if (keys.size() == kMost) return fail(where + "there are more than 8 keys");
    const TicketKey key = read_key(bytes->data());
    const auto same = std::find_if(keys.begin(), keys.end(),
                                   [&key](const TicketKey& other) { return other.name == key.name; });
    if (same != keys.end()) return fail(where + "is the same key as an earlier line");
    keys.push_back(key);
  }
  if (keys.empty()) return fail(std::string("there is no key in it"));
  return TicketKeys(std::move(keys));
}

std::string TicketKeys::bytes() const {
  std::string out;
  for (const TicketKey& key : keys_) {
    for (const ByteView part : {ByteView(key.name), ByteView(key.cipher), ByteView(key.mac)})
      out += as_text(part);
  }
  return out;
}

std::optional<TicketKeys> TicketKeys::from_bytes(std::string_view bytes) {
  const std::size_t count = bytes.size() / kKeyBytes;
  if (count == 0 || count > kMost || bytes.size() % kKeyBytes != 0) return std::nullopt;
  std::vector<TicketKey> keys;
  for (std::size_t i = 0; i < count; ++i) keys.push_back(read_key(as_bytes(bytes).data() + i * kKeyBytes));
  return TicketKeys(std::move(keys));
}

const TicketKey* TicketKeys::find(const unsigned char* name) const {
  for (const TicketKey& key : keys_) {
    if (std::memcmp(key.name.data(), name, key.name.size()) == 0) return &key;
  }
  return nullptr;
}

}  // namespace roomgate::router::tls
