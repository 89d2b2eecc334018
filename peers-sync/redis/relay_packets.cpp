#include "peers-sync/redis/relay_packets.hpp"

#include <algorithm>

#include "peers-sync/claim/packets.hpp"
#include "peers-sync/claim/wire.hpp"
#include "peers-sync/redis/entry.hpp"

namespace roomgate::peers_sync::redis {

using claim::kMaxKey;
using claim::kMaxName;
using claim::put_number;
using claim::put_text;
using claim::Taking;

namespace {

constexpr std::size_t kMaxEntry = 2 * kMaxName + 100;  // a shard, a region and numbers
constexpr std::uint64_t kMaxClock = std::uint64_t{1} << 53;

// An entry is a line of words, and the region its rest: what would not be read back is not written.
bool has_none_below(std::string_view text, unsigned char least) {
  return std::all_of(text.begin(), text.end(),
                     [least](char c) { return static_cast<unsigned char>(c) >= least; });
}

}  // namespace

std::string encode(const State& state) {
  std::string out;
  put_number(state.has_redis ? 1 : 0, out);
  put_number(static_cast<std::uint64_t>(std::max(state.now, std::int64_t{0})), out);
  return out;
}

std::optional<State> read_state(ByteView bytes) {
  Taking from(bytes);
  State state;
  state.has_redis = from.number(1) == 1;
  state.now = static_cast<std::int64_t>(from.number(kMaxClock));
  return from.well() ? std::optional(state) : std::nullopt;
}

std::string encode(const RelayAsk& ask) {
  std::string out;
  put_number(ask.id, out);
  put_text(ask.proposal.key, out);
  put_number(static_cast<std::uint64_t>(ask.proposal.use), out);
  put_text(ask.proposal.shard, out);
  put_number(ask.proposal.placed, out);
  put_text(ask.proposal.region, out);
  return out;
}

std::optional<RelayAsk> read_relay_ask(ByteView bytes) {
  Taking from(bytes);
  RelayAsk ask{.id = from.number()};
  ask.proposal.key = from.text(kMaxKey);
  ask.proposal.use = from.number(1) == 1 ? Use::signalling : Use::page;
  ask.proposal.shard = from.text(kMaxName);
  ask.proposal.placed = static_cast<std::uint8_t>(from.number(UINT8_MAX));
  ask.proposal.region = from.text(kMaxName);
  const bool good = from.well() && !ask.proposal.key.empty() && has_none_below(ask.proposal.shard, ' ' + 1) &&
                    has_none_below(ask.proposal.region, ' ');
  return good ? std::optional(std::move(ask)) : std::nullopt;
}

std::string encode(const RelayAnswer& answer) {
  std::string out;
  put_number(answer.id, out);
  put_number(static_cast<std::uint64_t>(answer.claimed.what), out);
  put_text(answer.claimed.entry, out);
  claim::put_age(answer.claimed.wait, out);
  return out;
}

std::optional<RelayAnswer> read_relay_answer(ByteView bytes) {
  using What = Claimed::What;
  Taking from(bytes);
  RelayAnswer answer{.id = from.number()};
  answer.claimed.what = static_cast<What>(from.number(static_cast<std::uint64_t>(What::cut)));
  answer.claimed.entry = from.text(kMaxEntry);
  answer.claimed.wait = from.age();
  const bool has_entry = answer.claimed.what == What::have || answer.claimed.what == What::made;
  if (!from.well() || (has_entry && !unpack(answer.claimed.entry))) return std::nullopt;
  return answer;
}

}  // namespace roomgate::peers_sync::redis
