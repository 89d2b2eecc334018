// One end of a session with a table of its own, and two of them back to back, for tests of sessions.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "peers-sync/session.hpp"

namespace roomgate::peers_sync::tests {

// A table that says what it is told to, and writes down what it hears.
class FakeTable final : public haproxy::Tables {
 public:
  codec::TableDefinition table{.id = 0, .name = "shards", .key_length = 129, .expire = 86'400'000};
  std::map<std::uint64_t, haproxy::Entry> entries;
  std::map<std::string, std::uint64_t, std::less<>> acked;
  std::vector<std::string> learned;  // "key server_id server_key"
  std::vector<std::string> keys;     // of them
  std::vector<std::string> lessons;  // "peer complete"
  bool complete = true;
  bool curious = false;  // asks the first one for a lesson

  void add(std::string key, std::int64_t id, std::string name, bool ours = true) {
    const std::uint64_t position = entries.empty() ? 1 : entries.rbegin()->first + 1;
    entries[position] = {position, std::move(key), id, std::move(name), seconds(60), ours};
  }

  codec::TableDefinition definition() const override { return table; }
  std::optional<haproxy::Entry> next(std::uint64_t position, TimePoint) override {
    const auto found = entries.upper_bound(position);
    if (found == entries.end()) return std::nullopt;
    return found->second;
  }
  bool up_to_date(TimePoint) const override { return complete; }
  bool wants_lesson(std::string_view, TimePoint) override { return std::exchange(curious, false); }
  void lesson_over(std::string_view peer, bool whole, TimePoint) override {
    lessons.push_back(std::string(peer) + (whole ? " complete" : " partial"));
  }
  bool wants(std::string_view name, std::uint64_t type, std::uint64_t length) override {
    return name == table.name && type == table.key_type && length == table.key_length;
  }
  void learn(const haproxy::Learned& said, TimePoint) override {
    keys.emplace_back(said.key);
    learned.push_back(std::string(said.key) + " " + std::to_string(said.server_id) + " " +
                      std::string(said.server_key) + (said.remaining ? " timed" : "") +
                      (said.lesson ? " lesson" : ""));
  }
  std::uint64_t acknowledged(std::string_view peer) const override {
    const auto found = acked.find(peer);
    return found == acked.end() ? 0 : found->second;
  }
  void acknowledge(std::string_view peer, std::uint64_t position) override {
    acked[std::string(peer)] = position;
  }
};

class End : public Session::Listener {
 public:
  FakeTable table;
  std::vector<std::string> events;
  std::vector<std::string> packets;
  codec::Status verdict = codec::Status::accepted;
  bool readable = true;  // what packet() says
  TimePoint begun{hours(1)};
  TimePoint now = begun;
  Session session;

  End(Session::Side side, std::string name, std::uint64_t life, std::string peer = {}, unsigned minor = 1,
      SessionLimits limits = {})
      : session({.side = side,
                 .own_name = std::move(name),
                 .life = life,
                 .peer_name = std::move(peer),
                 .minor = minor,
                 .limits = limits},
                *this, table, begun) {}

  void hears(std::string_view bytes) { session.consume(as_bytes(bytes), now); }
  std::string says() { return std::exchange(session.out(), {}); }
  // So long after the beginning, stepping through everything that is due.
  void at(Duration since) {
    const TimePoint until = begun + since;
    while (session.next() <= until && !session.closed()) {
      now = std::max(now, session.next());
      session.tick(now);
      if (session.next() <= now && !session.out().empty()) break;  // it waits for its bytes to be written
    }
    now = until;
    session.tick(now);
  }

 private:
  using hours = std::chrono::hours;
  static std::string text(const Session::Peer& peer) {
    return peer.name + (peer.gate ? " gate" : "") + (peer.local ? " local" : "");
  }
  codec::Status judge(const Session::Peer& peer) override {
    events.push_back("judge " + text(peer) + (peer.gate ? " life " + std::to_string(peer.life) : ""));
    return verdict;
  }
  void opened(const Session::Peer& peer) override { events.push_back("opened " + text(peer)); }
  void recognised(const Session::Peer& peer) override {
    events.push_back("recognised " + peer.name + " life " + std::to_string(peer.life));
  }
  bool packet(std::uint8_t type, ByteView body) override {
    packets.push_back(std::to_string(type) + " " + std::string(as_text(body)));
    return readable;
  }
};

struct Pair {
  End connecting{Session::Side::connecting, "gate-a", 1, "gate-b"};
  End accepting{Session::Side::accepting, "gate-b", 2};
  TimePoint now = connecting.begun;

  void at(Duration since) {
    now = connecting.begun + since;
    connecting.at(since);
    accepting.at(since);
  }
  // Until neither has anything to say.
  void exchange() {
    while (true) {
      const std::string there = connecting.says();
      accepting.hears(there);
      const std::string back = accepting.says();
      connecting.hears(back);
      if (there.empty() && back.empty()) return;
    }
  }
};

}  // namespace roomgate::peers_sync::tests
