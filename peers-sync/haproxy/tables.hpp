// What a session with a HAProxy tells and is told: the one stick table, as a feed in the order of its
// changes, and what comes in. Implemented by haproxy::Beside; the peers core.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "peers-sync/codec/definition.hpp"

namespace roomgate::peers_sync::haproxy {

struct Entry {
  std::uint64_t position = 0;  // of the change; its low 32 bits become the update's id
  std::string key;             // in HAProxy's spelling, cut
  std::int64_t server_id = 0;
  std::string server_key;
  Duration remaining{};
  bool ours = true;  // this gate speaks for it: it is pushed; others' go into lessons only
};

struct Learned {
  std::string_view peer;
  std::string_view table;
  std::string_view key;
  std::int64_t server_id = 0;
  std::string_view server_key;  // empty: none
  std::optional<Duration> remaining;
  bool lesson = false;
};

class Tables {
 public:
  virtual codec::TableDefinition definition() const = 0;
  // The first change behind `position`; nullopt: none.
  virtual std::optional<Entry> next(std::uint64_t position, TimePoint now) = 0;
  virtual bool up_to_date(TimePoint now) const = 0;  // so a lesson of ours ends "finished", else "partial"
  // Is this session's peer the one to learn from? True: it asks for a lesson, and says how it ended.
  virtual bool wants_lesson(std::string_view peer, TimePoint now) = 0;
  virtual void lesson_over(std::string_view peer, bool complete, TimePoint now) = 0;
  virtual bool wants(std::string_view table, std::uint64_t key_type, std::uint64_t key_length) = 0;
  virtual void learn(const Learned& learned, TimePoint now) = 0;
  // Kept by peer over sessions: where to push from again.
  virtual std::uint64_t acknowledged(std::string_view peer) const = 0;
  virtual void acknowledge(std::string_view peer, std::uint64_t position) = 0;

 protected:
  ~Tables() = default;
};

}  // namespace roomgate::peers_sync::haproxy
