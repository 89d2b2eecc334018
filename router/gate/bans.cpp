// Bans at run time: the operator's come on top of the settings' and stay over a reload and an upgrade, not
// over a restart.

#include <algorithm>

#include "base/log.hpp"
#include "router/gate/gate.hpp"
#include "router/gate/words.hpp"

namespace roomgate::router::gate {
namespace {

using route::Ban;
using route::Bans;

Ban::Kind kind_of(admin::BanRow::Kind kind) {
  switch (kind) {
    case admin::BanRow::Kind::room: return Ban::Kind::room;
    case admin::BanRow::Kind::prefix: return Ban::Kind::prefix;
    case admin::BanRow::Kind::tenant: return Ban::Kind::tenant;
  }
  return Ban::Kind::room;
}

admin::BanRow::Kind kind_of(Ban::Kind kind) {
  switch (kind) {
    case Ban::Kind::room: return admin::BanRow::Kind::room;
    case Ban::Kind::prefix: return admin::BanRow::Kind::prefix;
    case Ban::Kind::tenant: return admin::BanRow::Kind::tenant;
  }
  return admin::BanRow::Kind::room;
}

bool same_pattern(const Ban& a, const Ban& b) { return a.kind == b.kind && a.text == b.text; }

}  // namespace

std::vector<Ban> Gate::all_bans(const std::vector<Ban>& of_settings) const {
  std::vector<Ban> all = of_settings;
  all.insert(all.end(), operator_bans_.begin(), operator_bans_.end());
  return all;
}

void Gate::publish_bans() {
  bans_ = std::make_shared<const Bans>(all_bans(options_.bans));
  metrics_.bans.with({}).set(static_cast<double>(bans_->all().size()));
  // One for all cores: a request looks at it and keeps no hold of it.
  runtime_.on_each([this, bans = bans_](net::Core& core) { workers_[core.index()]->set_bans(bans); });
}

void Gate::send_banned_away() {
  if (bans_->all().empty()) return;
  session::MovedRooms banned{.left = {}, .window = options_.heal_window};
  table_.for_each([this, &banned](std::string_view key, const stick::Entry& entry) {
    if (entry.holds > 0 && bans_->find(key) != nullptr) banned.left.emplace(key, names_.name_of(entry.shard));
  });
  if (!banned.left.empty()) LOG(info, "banned_rooms_emptied", {"rooms", banned.left.size()});
  send_away(std::move(banned));
}

std::vector<admin::BanRow> Gate::bans() {
  std::vector<admin::BanRow> rows;
  rows.reserve(bans_->all().size());
  for (const Ban& ban : bans_->all()) {
    rows.push_back({.kind = kind_of(ban.kind),
                    .text = ban.text,
                    .status = ban.status,
                    .from_settings = ban.from_settings,
                    .local = ban.local});
  }
  return rows;
}

bool Gate::ban(const admin::BanRow& row) {
  Ban wanted = Bans::normalised(
      {.kind = kind_of(row.kind), .text = row.text, .status = row.status == 429 ? 429 : 403});
  wanted.local = cluster_ != nullptr && row.local;
  if (wanted.text.empty() || wanted.text.size() > Bans::kLongest || !take_ban(wanted)) return false;
  if (cluster_ != nullptr && !wanted.local) cluster_->say(ban_word(wanted), ban_value(wanted));
  LOG(info, "banned", {to_text(wanted.kind), wanted.text}, {"status", wanted.status});
  publish_bans();
  send_banned_away();
  return true;
}

bool Gate::take_ban(const Ban& wanted) {
  const auto known = std::find_if(operator_bans_.begin(), operator_bans_.end(),
                                  [&wanted](const Ban& ban) { return same_pattern(ban, wanted); });
  if (known != operator_bans_.end()) {
    *known = wanted;
    return true;
  }
  if (options_.bans.size() + operator_bans_.size() >= Bans::kMost) return false;
  operator_bans_.push_back(wanted);
  return true;
}

bool Gate::drop_ban(const Ban& wanted) {
  return std::erase_if(operator_bans_, [&wanted](const Ban& ban) { return same_pattern(ban, wanted); }) > 0;
}

bool Gate::unban(admin::BanRow::Kind kind, std::string_view text, admin::Scope scope) {
  const Ban wanted = Bans::normalised({.kind = kind_of(kind), .text = std::string(text)});
  if (!drop_ban(wanted)) return false;
  if (cluster_ != nullptr && scope == admin::Scope::everywhere) cluster_->say(ban_word(wanted), "");
  LOG(info, "unbanned", {to_text(wanted.kind), wanted.text});
  publish_bans();
  return true;
}

}  // namespace roomgate::router::gate
