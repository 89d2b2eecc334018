#include "peers-sync/claim/status.hpp"

#include <algorithm>

#include "base/siphash.hpp"
#include "peers-sync/codec/varint.hpp"

namespace roomgate::peers_sync::claim {
namespace {

// version  gates: count, (length, name, life)...   number  state  flags  lease  asked lease  table limit  log
// end, at view view: count, index...   of: count, (index, heard, held, have, flags)...   shards down: count,
// four bytes each Gates are named once, the sender first; the rest refers to them by index.
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kGranting = 1;
constexpr std::uint8_t kHistory = 2;
constexpr std::uint8_t kDirect = 1;
constexpr std::uint8_t kComplete = 2;
constexpr std::uint64_t kLongestLeaseMs = 600'000;

void append_byte(std::uint8_t value, std::string& out) { out.push_back(static_cast<char>(value)); }

std::size_t index_of(const GateId& gate, std::vector<GateId>& gates) {
  const auto found = std::find(gates.begin(), gates.end(), gate);
  if (found != gates.end()) return static_cast<std::size_t>(found - gates.begin());
  gates.push_back(gate);
  return gates.size() - 1;
}

// Anything wrong sets failed(): checked once at the end, loops are bounded by their counts' limits.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}

  std::uint64_t number(std::uint64_t most = ~std::uint64_t{0}) {
    const auto value = failed_ ? std::nullopt : codec::take_varint(rest_);
    if (!value || *value > most) {
      failed_ = true;
      return 0;
    }
    return *value;
  }
  std::uint8_t byte(std::uint8_t most) {
    const ByteView one = bytes(1);
    if (one.empty() || one[0] > most) {
      failed_ = true;
      return 0;
    }
    return one[0];
  }
  ByteView bytes(std::size_t count) {
    if (failed_ || count > rest_.size()) {
      failed_ = true;
      return {};
    }
    const ByteView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  void fail() { failed_ = true; }

  bool failed() const { return failed_; }
  bool at_end() const { return rest_.empty(); }

 private:
  ByteView rest_;
  bool failed_ = false;
};

bool contains(const std::vector<GateId>& gates, const GateId& gate) {
  return std::find(gates.begin(), gates.end(), gate) != gates.end();
}

}  // namespace

std::string_view to_text(State state) {
  switch (state) {
    case State::learning: return "learning";
    case State::joining: return "joining";
    case State::member: return "member";
    case State::leaving: return "leaving";
    case State::left: return "left";
  }
  return "unknown";
}

const Status::Of* Status::of_gate(const GateId& wanted) const {
  const auto found = std::find_if(of.begin(), of.end(), [&](const Of& one) { return one.gate == wanted; });
  return found == of.end() ? nullptr : &*found;
}

// Every gate has to come to the same number, so not the process's own key.
std::uint32_t short_hash(std::string_view shard_name) {
  return static_cast<std::uint32_t>(siphash(as_bytes(shard_name), {0x7368617264206973, 0x20736565206e646f}));
}

std::string encode(const Status& status) {
  std::vector<GateId> gates = {status.gate};
  std::string rest;
  codec::append_varint(status.number, rest);
  append_byte(static_cast<std::uint8_t>(status.state), rest);
  append_byte(static_cast<std::uint8_t>((status.granting ? kGranting : 0) | (status.history ? kHistory : 0)),
              rest);
  for (const std::uint64_t value : {std::uint64_t{status.lease_ms}, std::uint64_t{status.asked_lease_ms},
                                    std::uint64_t{status.table_limit}, status.log_end, status.log_at_view,
                                    std::uint64_t{status.view.size()}}) {
    codec::append_varint(value, rest);
  }
  for (const GateId& gate : status.view) codec::append_varint(index_of(gate, gates), rest);
  codec::append_varint(status.of.size(), rest);
  for (const Status::Of& of : status.of) {
    for (const std::uint64_t value :
         {std::uint64_t{index_of(of.gate, gates)}, of.heard, std::uint64_t{of.held_us}, of.have}) {
      codec::append_varint(value, rest);
    }
    append_byte(static_cast<std::uint8_t>((of.direct ? kDirect : 0) | (of.complete ? kComplete : 0)), rest);
  }
  codec::append_varint(status.shards_down.size(), rest);
  for (const std::uint32_t shard : status.shards_down) {
    std::uint8_t bytes[4];
    store32(bytes, shard);
    rest.append(as_text(bytes));
  }
  std::string out;
  append_byte(kVersion, out);
  codec::append_varint(gates.size(), out);
  for (const GateId& gate : gates) {
    codec::append_varint(gate.name.size(), out);
    out += gate.name;
    codec::append_varint(gate.life, out);
  }
  return out + rest;
}

std::optional<Status> decode_status(ByteView bytes) {
  Reader in(bytes);
  if (in.byte(kVersion) != kVersion) return std::nullopt;

  std::vector<GateId> gates;
  for (auto left = in.number(kMaxGates); left > 0 && !in.failed(); --left) {
    GateId gate;
    gate.name = as_text(in.bytes(in.number(kMaxGateName)));
    gate.life = in.number();
    if (gate.name.empty() || contains(gates, gate)) in.fail();
    gates.push_back(std::move(gate));
  }
  if (in.failed() || gates.empty()) return std::nullopt;

  Status status;
  status.gate = gates.front();
  status.number = in.number();
  status.state = static_cast<State>(in.byte(static_cast<std::uint8_t>(State::left)));
  const std::uint8_t flags = in.byte(kGranting | kHistory);
  status.granting = (flags & kGranting) != 0;
  status.history = (flags & kHistory) != 0;
  status.lease_ms = static_cast<std::uint32_t>(in.number(kLongestLeaseMs));
  status.asked_lease_ms = static_cast<std::uint32_t>(in.number(kLongestLeaseMs));
  status.table_limit = static_cast<std::uint32_t>(in.number(UINT32_MAX));
  status.log_end = in.number();
  status.log_at_view = in.number(status.log_end);
  for (auto left = in.number(kMaxGates); left > 0 && !in.failed(); --left) {
    const GateId& gate = gates[in.number(gates.size() - 1)];
    if (!status.view.empty() && status.view.back().name >= gate.name) in.fail();
    status.view.push_back(gate);
  }
  std::vector<bool> seen(gates.size());
  for (auto left = in.number(kMaxGates); left > 0 && !in.failed(); --left) {
    const std::size_t index = in.number(gates.size() - 1);
    if (seen[index]) in.fail();
    seen[index] = true;
    Status::Of of;
    of.gate = gates[index];
    of.heard = in.number();
    of.held_us = static_cast<std::uint32_t>(in.number(UINT32_MAX));
    of.have = in.number();
    const std::uint8_t of_flags = in.byte(kDirect | kComplete);
    of.direct = (of_flags & kDirect) != 0;
    of.complete = (of_flags & kComplete) != 0;
    status.of.push_back(std::move(of));
  }
  for (auto left = in.number(kMaxShardsDown); left > 0 && !in.failed(); --left) {
    const ByteView four = in.bytes(4);
    if (!in.failed()) status.shards_down.push_back(load32(four.data()));
  }
  if (in.failed() || !in.at_end()) return std::nullopt;
  return status;
}

}  // namespace roomgate::peers_sync::claim
