// How a process comes in the place of the one that serves: what it inherits, until it serves itself.
#include "router/gate/upgrade.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "router/gate/gate.hpp"
#include "router/stick/image.hpp"

namespace roomgate::router::gate {

namespace {

constexpr auto kLongest = std::chrono::hours(24 * 366 * 10);

// Lengths of time come from outside: bounded.
Duration length_of(std::uint64_t count) {
  constexpr auto kMost = static_cast<std::uint64_t>(milliseconds(kLongest).count());
  return milliseconds(static_cast<std::int64_t>(std::min(count, kMost)));
}

}  // namespace

Result<void, std::string> Upgrade::take(handover::Inheritance& inherited) {
  if (auto keys = tls::TicketKeys::from_bytes(inherited.ticket_keys())) {
    gate_.tickets_ = std::make_shared<const tls::TicketKeys>(std::move(*keys));
  }
  for (const auto& word : inherited.words()) take_word(word);
  for (const auto& drain : inherited.drains()) take_drain(drain);
  for (const auto& ban : inherited.bans()) take_ban(ban);
  predecessor_ = &add(Other::Role::elder);
  const std::string image = inherited.take_table();
  const auto restored = stick::restore(
      gate_.table_, as_bytes(image), [this](std::string_view name) { return gate_.names_.id_of(name); },
      {.now = Clock::now(),
       .held = [this](std::string_view key, std::uint32_t holds) { set_holds(*predecessor_, key, holds); },
       .offer = gate_.offer()});
  if (!restored)
    return fail("the room table that was handed over: " + std::string(to_text(restored.error())));
  LOG(info, "upgrade_table_taken", {"rooms", restored->taken}, {"left_out", restored->left_out},
      {"held", predecessor_->holds.size()}, {"from_pid", inherited.from().pid});
  return {};
}

void Upgrade::take_found(const handover::Inheritance& inherited) {
  std::map<std::string, std::vector<directory::Endpoint>> found;
  for (const auto& each : inherited.found()) {
    directory::Endpoint endpoint{.name = each.name, .address = each.address, .weight = std::nullopt};
    if (each.weighted) endpoint.weight = each.weight;
    found[each.question].push_back(std::move(endpoint));
  }
  for (auto& [question, endpoints] : found) {
    (void)gate_.directory_.set_found(question, std::move(endpoints), Clock::now());
  }
}

void Upgrade::take_word(const handover::ShardWord& word) {
  const auto state = balance::parse_shard_state(word.state);
  if (state) gate_.directory_.set_words({{word.shard, {*state, word.version, word.local.set}}});
}

void Upgrade::take_drain(const handover::Drain& drain) {
  using Wall = std::chrono::system_clock;
  directory::Drains::Drain taken;
  taken.since = Wall::now() - std::chrono::duration_cast<Wall::duration>(length_of(drain.age_milliseconds));
  taken.rooms_at_start = drain.rooms_at_start;
  if (drain.has_deadline) taken.deadline = Clock::now() + length_of(drain.milliseconds_left);
  taken.empty = drain.empty;
  gate_.drains_.take(drain.shard, taken);
}

void Upgrade::take_ban(const handover::Ban& ban) {
  if (ban.kind > static_cast<std::uint8_t>(route::Ban::Kind::tenant)) return;
  const route::Ban taken{.kind = static_cast<route::Ban::Kind>(ban.kind),
                         .text = ban.text,
                         .status = static_cast<int>(ban.status),
                         .local = ban.local.set};
  auto& bans = gate_.operator_bans_;
  std::erase_if(
      bans, [&taken](const route::Ban& each) { return each.kind == taken.kind && each.text == taken.text; });
  if (bans.size() < route::Bans::kMost) bans.push_back(taken);
}

void Upgrade::prepared(handover::Inheritance& inherited, std::function<void()> go,
                       std::function<void(std::string_view)> failed) {
  go_ = std::move(go);
  failed_ = std::move(failed);
  predecessor_->link = inherited.link(gate_.runtime_.control(), listener_of(*predecessor_));
  predecessor_->link->start();
  predecessor_->link->send(handover::Prepared{socket_});
}

void Upgrade::on_go() {
  if (!go_) return;
  failed_ = {};
  const auto restored = stick::restore(
      gate_.table_, as_bytes(changes_), [this](std::string_view name) { return gate_.names_.id_of(name); },
      {.now = Clock::now(),
       .held = [this](std::string_view key, std::uint32_t holds) { set_holds(*predecessor_, key, holds); },
       .offer = gate_.offer()});
  changes_ = std::string();
  if (!restored) LOG(error, "upgrade_table_changes_refused", {"error", to_text(restored.error())});
  // Operators' words may have changed as well.
  gate_.publish_shards();
  gate_.publish_bans();
  std::exchange(go_, {})();
  for (auto& ask : std::exchange(early_, {})) reply(*predecessor_, std::move(ask));
}

void Upgrade::serving() {
  if (predecessor_ == nullptr) return;
  predecessor_->link->send(handover::Serving{});
  gate_.metrics_.upgrades.with({"ok"}).add();
  LOG(info, "upgrade_done", {"rooms", gate_.table_.size()},
      {"held_by_old_process", predecessor_->holds.size()}, {"old_pid", predecessor_->link->peer().pid});
}

}  // namespace roomgate::router::gate
