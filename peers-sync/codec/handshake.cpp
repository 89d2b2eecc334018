#include "peers-sync/codec/handshake.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace roomgate::peers_sync::codec {
namespace {

constexpr std::string_view kProtocol = "HAProxyS ";
constexpr unsigned kMajor = 2;
constexpr unsigned kNewestMinor = 1;

// The first line, without its end; nullopt: it has none yet.
std::optional<std::string_view> take_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (wrong != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view take_word(std::string_view& line) {
  const auto end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

// 2.0 and 2.1.
std::optional<unsigned> minor_version(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto major = number(text.substr(0, dot));
  const auto minor = number(text.substr(dot + 1));
  if (!major || !minor || *major != kMajor || *minor > kNewestMinor) return std::nullopt;
  return minor;
}

}  // namespace

Result<std::optional<HelloRead>, Status> read_hello(ByteView input) {
  std::string_view text = as_text(input);
  // At once where it cannot become one: a TLS client must not be waited for.
  const std::size_t known = std::min(text.size(), kProtocol.size());
  if (text.substr(0, known) != kProtocol.substr(0, known)) return fail(Status::protocol_error);
  const auto first = take_line(text);
  const auto second = first ? take_line(text) : std::nullopt;
  auto third = second ? take_line(text) : std::nullopt;
  if (!third) {
    if (input.size() >= kMaxHello) return fail(Status::protocol_error);
    return std::optional<HelloRead>();
  }
  const auto minor = minor_version(first->substr(kProtocol.size()));
  if (!minor) return fail(Status::bad_version);
  // The space is what makes it a sender's line; what stands behind is not asked for.
  if (third->find(' ') == std::string_view::npos) return fail(Status::protocol_error);
  Hello hello{.minor = *minor, .to = std::string(*second)};
  hello.from = take_word(*third);
  hello.process = take_word(*third);
  (void)take_word(*third);  // the relative pid
  hello.words = *third;
  return std::optional(HelloRead{std::move(hello), input.size() - text.size()});
}

void append_hello(const Hello& hello, std::string& out) {
  out.append(kProtocol).append(std::to_string(kMajor)).append(".").append(std::to_string(hello.minor));
  // The relative pid has been 1 for ever.
  out.append("\n")
      .append(hello.to)
      .append("\n")
      .append(hello.from)
      .append(" ")
      .append(hello.process)
      .append(" 1");
  if (!hello.words.empty()) out.append(" ").append(hello.words);
  out.append("\n");
}

Result<std::optional<StatusRead>, bool> read_status(ByteView input) {
  constexpr std::size_t kDigits = 3;
  const std::string_view text = as_text(input);
  const auto digits = text.substr(0, kDigits);
  if (!std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return fail(false);
  if (text.size() <= kDigits) return std::optional<StatusRead>();
  if (text[kDigits] != '\n') return fail(false);
  return std::optional(StatusRead{*number(digits), kDigits + 1});
}

void append_status(Status status, std::string& out) {
  out.append(std::to_string(static_cast<unsigned>(status))).append("\n");
}

}  // namespace roomgate::peers_sync::codec
