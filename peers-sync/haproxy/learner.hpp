// What a HAProxy tells us of its tables in one session: which of them are like ours, their entries, and how
// far we have got, for acks. Sans-I/O; of a Conversation.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "peers-sync/codec/dictionary.hpp"
#include "peers-sync/codec/message.hpp"
#include "peers-sync/haproxy/tables.hpp"

namespace roomgate::peers_sync::haproxy {

class Learner {
 public:
  Learner(std::string peer, Tables& tables);

  bool define(codec::TableDefinition definition);  // false: it has too many
  void use(const codec::TableSwitch& change);
  void use_none();  // a definition that nobody can use
  enum class Read : std::uint8_t { learned, ignored, malformed };
  Read update(const codec::UpdateBody& update, bool lesson, TimePoint now);

  // Of each table whose entries have come since the last call, once.
  void append_acks(std::string& out);

 private:
  struct Table {
    codec::TableDefinition definition;
    bool wanted = false;
    std::uint32_t last = 0;  // id of an update
    bool moved = false;      // and not yet acknowledged
  };

  std::string peer_;
  Tables& tables_;
  std::map<std::uint64_t, Table> known_;  // by the peer's numbers for them
  Table* current_ = nullptr;
  codec::ReceiveDictionary names_;
};

}  // namespace roomgate::peers_sync::haproxy
