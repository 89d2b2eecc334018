#include "peers-sync/mesh/tunnel_counts.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace roomgate::peers_sync::mesh {
namespace {

constexpr std::size_t kIdBytes = 8;

std::string with_id(std::uint64_t id) {
  std::array<std::uint8_t, kIdBytes> bytes{};
  store64(bytes.data(), id);
  return std::string(as_text(bytes));
}

std::uint32_t counted(std::size_t tunnels) {
  return static_cast<std::uint32_t>(std::min<std::size_t>(tunnels, UINT32_MAX));
}

}  // namespace

void TunnelCounts::ask(std::string_view key, const std::vector<std::string>& gates, Done done,
                       TimePoint now) {
  if (gates.empty()) return done(0, true);
  if (questions_.size() >= limits_.questions) return done(0, false);
  const std::uint64_t id = ++last_;
  Question& question = questions_[id];
  question.open.insert(gates.begin(), gates.end());
  question.done = std::move(done);
  question.until = now + limits_.patience;
  const std::string body = with_id(id).append(key);
  for (const std::string& gate : gates) send_(gate, kAsk, body);
}

bool TunnelCounts::take(const std::string& gate, std::uint8_t type, ByteView body) {
  if (type != kAsk && type != kAnswer) return false;
  ByteReader in(body);
  const std::uint64_t id = in.u64();
  if (in.failed()) return true;
  if (type == kAsk) {
    std::array<std::uint8_t, 4> count{};
    store32(count.data(), counted(here_(as_text(in.rest()))));
    send_(gate, kAnswer, with_id(id).append(as_text(count)));
    return true;
  }
  const std::uint32_t count = in.u32();
  const auto found = questions_.find(id);
  // Twice, or late, or never asked.
  if (in.failed() || found == questions_.end() || found->second.open.erase(gate) == 0) return true;
  found->second.sum += count;
  if (!found->second.open.empty()) return true;
  const auto question = std::move(questions_.extract(found).mapped());
  question.done(question.sum, true);
  return true;
}

void TunnelCounts::tick(TimePoint now) {
  while (!questions_.empty() && questions_.begin()->second.until <= now) {
    const auto question = std::move(questions_.extract(questions_.begin()).mapped());
    question.done(question.sum, false);
  }
}

TimePoint TunnelCounts::next() const {
  return questions_.empty() ? TimePoint::max() : questions_.begin()->second.until;
}

}  // namespace roomgate::peers_sync::mesh
