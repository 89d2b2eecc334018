#include "peers-sync/haproxy/rows.hpp"

namespace roomgate::peers_sync::haproxy {

Row* Rows::find(std::string_view spelling) {
  const auto found = rows_.find(spelling);
  return found == rows_.end() ? nullptr : &found->second;
}

const Row* Rows::find(std::string_view spelling) const {
  const auto found = rows_.find(spelling);
  return found == rows_.end() ? nullptr : &found->second;
}

Row& Rows::say(std::string_view spelling, std::string_view key, bool pushed, TimePoint now) {
  Row* row = find(spelling);
  if (row == nullptr) {
    row = &rows_.try_emplace(std::string(spelling)).first->second;
    row->spelling = spelling;
    row->by_age = by_age_.insert(by_age_.end(), row);
  } else {
    by_position_.erase(row->position);
  }
  row->key = key;
  row->pushed = pushed;
  row->position = ++last_;
  by_position_.emplace_hint(by_position_.end(), row->position, row);
  confirmed(*row, now);
  return *row;
}

void Rows::confirmed(Row& row, TimePoint now) {
  row.said = now;
  looked_at(row, now);
}

void Rows::looked_at(Row& row, TimePoint now) {
  row.looked = now;
  by_age_.splice(by_age_.end(), by_age_, row.by_age);
}

void Rows::erase(std::string_view spelling) {
  const auto found = rows_.find(spelling);
  if (found == rows_.end()) return;
  by_position_.erase(found->second.position);
  by_age_.erase(found->second.by_age);
  rows_.erase(found);
}

const Row* Rows::behind(std::uint64_t position) const {
  const auto found = by_position_.upper_bound(position);
  return found == by_position_.end() ? nullptr : found->second;
}

}  // namespace roomgate::peers_sync::haproxy
