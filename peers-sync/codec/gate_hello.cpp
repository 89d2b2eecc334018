#include "peers-sync/codec/gate_hello.hpp"

#include <charconv>

#include "peers-sync/codec/frame.hpp"

namespace roomgate::peers_sync::codec {
namespace {

constexpr std::string_view kProtocol = "roomgate/";
constexpr std::string_view kLife = "life=";
constexpr std::string_view kHash = "hash=";
constexpr std::size_t kShown = 40;  // of a stranger's word, to people

std::string_view take_word(std::string_view& text) {
  const auto end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

// What came from outside goes into log lines.
std::string shown(std::string_view word) {
  std::string out(word.substr(0, kShown));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return out;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (wrong != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<std::optional<std::uint64_t>, std::string> read_gate_words(std::string_view text) {
  const std::string_view protocol = take_word(text);
  if (!protocol.starts_with(kProtocol)) return std::optional<std::uint64_t>();
  if (number(protocol.substr(kProtocol.size())) != kGateVersion) {
    return fail("it speaks " + shown(protocol) + ", this gate " + std::string(kProtocol) +
                std::to_string(kGateVersion));
  }
  std::optional<std::uint64_t> life;
  std::string_view hash;
  // Words of a later release are passed over.
  while (!text.empty()) {
    const std::string_view word = take_word(text);
    if (word.starts_with(kLife)) life = number(word.substr(kLife.size()));
    if (word.starts_with(kHash)) hash = word.substr(kHash.size());
  }
  if (!life) return fail(std::string("it is a gate that does not say which life of it"));
  if (hash != kGateHash) {
    return fail("it finds owners by " + shown(hash) + ", this gate by " + std::string(kGateHash));
  }
  return life;
}

std::string gate_words(std::uint64_t life) {
  std::string out(kProtocol);
  out.append(std::to_string(kGateVersion)).append(" ");
  out.append(kLife).append(std::to_string(life)).append(" ");
  out.append(kHash).append(kGateHash);
  return out;
}

Result<Introduction, std::string> read_introduction(std::string_view body) {
  Introduction introduction;
  introduction.name = take_word(body);
  const auto life = read_gate_words(body);
  if (!life) return fail(life.error());
  if (introduction.name.empty() || !*life) return fail(std::string("it introduces itself as nobody"));
  introduction.life = **life;
  return introduction;
}

void append_introduction(const Introduction& introduction, std::string& out) {
  FrameWriter frame(kGateClass, kGateIntroduction, out);
  out.append(introduction.name).append(" ").append(gate_words(introduction.life));
  frame.end();
}

}  // namespace roomgate::peers_sync::codec
