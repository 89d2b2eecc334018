// How many tunnels the other gates have of a room, for people: asked of each that there is a session with,
// added up until all have said it or a moment is over. Nothing is decided by it. Sans-I/O; owned by a
// PeersReplica, its core.
//
//   ask     id(8) key                  answer     id(8) count(4)         fields of later versions, passed over
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"

namespace roomgate::peers_sync::mesh {

class TunnelCounts {
 public:
  // Types of messages between gates that no node knows (claim::PacketType).
  static constexpr std::uint8_t kAsk = 192;
  static constexpr std::uint8_t kAnswer = 193;
  struct Limits {
    Duration patience = milliseconds(500);
    std::size_t questions = 1000;
  };

  using Send = std::function<void(const std::string& gate, std::uint8_t type, std::string_view body)>;
  using Here = std::function<std::size_t(std::string_view key)>;
  TunnelCounts(Send send, Here here) : send_(std::move(send)), here_(std::move(here)) {}

  // `done` with the sum; `all`: every gate has said it.
  using Done = std::function<void(std::size_t sum, bool all)>;
  void ask(std::string_view key, const std::vector<std::string>& gates, Done done, TimePoint now);
  // True: it was one of these messages; whatever they say, a wrong one is only passed over.
  bool take(const std::string& gate, std::uint8_t type, ByteView body);

  void tick(TimePoint now);
  TimePoint next() const;

 private:
  struct Question {
    std::set<std::string, std::less<>> open;  // gates that have not said it
    std::size_t sum = 0;
    Done done;
    TimePoint until{};
  };
  Send send_;
  Here here_;
  Limits limits_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, Question> questions_;  // in the order of their ends
};

}  // namespace roomgate::peers_sync::mesh
