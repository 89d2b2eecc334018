#include "peers-sync/claim/wire.hpp"

#include <algorithm>

#include "peers-sync/codec/varint.hpp"

namespace roomgate::peers_sync::claim {
namespace {

// Older than that is all the same; and sums with it do not overflow.
constexpr std::uint64_t kLongestAge = 1000ULL * 3600 * 24 * 366;

}  // namespace

void put_number(std::uint64_t value, std::string& out) { codec::append_varint(value, out); }

void put_text(std::string_view text, std::string& out) {
  put_number(text.size(), out);
  out += text;
}

void put_age(Duration age, std::string& out) {
  const auto ms = std::chrono::duration_cast<milliseconds>(std::max(age, Duration{0})).count();
  put_number(std::min(static_cast<std::uint64_t>(ms), kLongestAge), out);
}

std::uint64_t Taking::number(std::uint64_t most) {
  const auto value = failed_ ? std::nullopt : codec::take_varint(bytes_);
  if (!value || *value > most) {
    failed_ = true;
    return 0;
  }
  return *value;
}

std::uint8_t Taking::byte(std::uint8_t most) {
  if (failed_ || bytes_.empty() || bytes_.front() > most) {
    failed_ = true;
    return 0;
  }
  const std::uint8_t value = bytes_.front();
  bytes_ = bytes_.subspan(1);
  return value;
}

std::string_view Taking::text(std::size_t most) {
  const auto size = static_cast<std::size_t>(number(most));
  if (failed_ || size > bytes_.size()) {
    failed_ = true;
    return {};
  }
  const auto text = as_text(bytes_.first(size));
  bytes_ = bytes_.subspan(size);
  return text;
}

Duration Taking::age() { return milliseconds(static_cast<std::int64_t>(number(kLongestAge))); }

}  // namespace roomgate::peers_sync::claim
