#include "peers-sync/haproxy/learner.hpp"

#include "peers-sync/codec/update.hpp"

namespace roomgate::peers_sync::haproxy {
namespace {

// In one session. A peers section with more has none for us behind the first of them.
constexpr std::size_t kMaxTables = 256;

// As HAProxy keeps it: up to a NUL, one less than the length that the table has.
std::string_view kept_of(std::string_view key, std::uint64_t key_length) {
  key = key.substr(0, key.find('\0'));
  return key.substr(0, key_length == 0 ? 0 : key_length - 1);
}

}  // namespace

Learner::Learner(std::string peer, Tables& tables) : peer_(std::move(peer)), tables_(tables) {}

bool Learner::define(codec::TableDefinition definition) {
  const std::uint64_t id = definition.id;
  if (known_.size() >= kMaxTables && !known_.contains(id)) {
    use_none();
    return false;
  }
  current_ = &known_[id];
  current_->wanted = tables_.wants(definition.name, definition.key_type, definition.key_length);
  current_->definition = std::move(definition);
  return true;
}

void Learner::use(const codec::TableSwitch& change) {
  const auto found = known_.find(change.table);
  current_ = found == known_.end() ? nullptr : &found->second;
}

void Learner::use_none() { current_ = nullptr; }

Learner::Read Learner::update(const codec::UpdateBody& body, bool lesson, TimePoint now) {
  if (current_ == nullptr) return Read::ignored;
  Table& table = *current_;
  const auto update = codec::parse_update(body.type, body.body, table.definition);
  if (!update) return table.wanted ? Read::malformed : Read::ignored;
  // Names count for all tables of a session, so also those that come with another table's entries.
  std::string_view server_key;
  if (update->server) server_key = names_.resolve(*update->server).value_or(std::string_view());
  if (!table.wanted) return Read::ignored;
  table.last = update->id.value_or(table.last + 1);
  table.moved = true;
  Learned learned{.peer = peer_,
                  .table = table.definition.name,
                  .key = kept_of(update->key, table.definition.key_length),
                  .server_id = codec::server_id_of(*update, table.definition),
                  .server_key = server_key,
                  .remaining = {},
                  .lesson = lesson};
  if (update->remaining) learned.remaining = milliseconds(*update->remaining);
  tables_.learn(learned, now);
  return Read::learned;
}

void Learner::append_acks(std::string& out) {
  for (auto& [id, table] : known_) {
    if (!table.moved) continue;
    table.moved = false;
    codec::append_ack({id, table.last}, out);
  }
}

}  // namespace roomgate::peers_sync::haproxy
