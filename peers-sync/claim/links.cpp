#include "peers-sync/claim/links.hpp"

#include <algorithm>

namespace roomgate::peers_sync::claim {

// --- Packets.

void Links::send(LifeIndex to, PacketType type, std::string body, TimePoint now) {
  const GateId& gate = book_.at(to).id;
  std::string packet;
  put_head({membership_.self().life, gate.life, links_[to].epoch_to}, packet);
  packet += body;
  // Its session may be open and nothing arrive on it: then by one that it hears.
  const auto way = membership_.way_to(gate.name, now);
  if (!way) return;
  if (*way == gate.name) {
    transport_.send(gate.name, {type, std::move(packet)});
    return;
  }
  transport_.send(*way, {kEnvelope, encode(Envelope{.from = membership_.self().name,
                                                    .to = gate.name,
                                                    .hops = limits_.hops,
                                                    .type = type,
                                                    .body = as_bytes(packet)})});
}

void Links::forward(const std::string& to, std::uint8_t type, std::string body, TimePoint now) {
  if (const auto way = membership_.way_to(to, now)) transport_.send(*way, {type, std::move(body)});
}

std::optional<LifeIndex> Links::judge(const std::string& from, const Head& head, PacketType type) {
  const Status* status = membership_.status_of(from);
  if (status == nullptr || status->gate.life != head.from_life || head.to_life != membership_.self().life) {
    return std::nullopt;
  }
  const LifeIndex gate = book_.life(status->gate);
  Link& link = links_[gate];
  if (type == kFollow) return gate;
  if (head.epoch != link.epoch) return std::nullopt;
  spoken_ = spoken_ || !link.answered;
  link.answered = true;
  return gate;
}

void Links::take(LifeIndex from, const Follow& follow, TimePoint now) {
  Link& link = links_[from];
  if (follow.epoch < link.epoch_to || follow.have > book_.own_end()) return;
  // Overtaken by the one that it was asked before, or by our having got a history since: who follows goes on
  // to. But it may not have had an answer yet, and needs one before it can learn that history from us.
  if (follow.epoch == link.epoch_to && link.follows && !follow.log) {
    link.greet = true;
    return tell(from, link, now);
  }
  spoken_ = spoken_ || link.epoch_to != follow.epoch;
  link.epoch_to = follow.epoch;
  link.follows = follow.log;
  link.greet = true;
  link.end = book_.own_end();
  link.cursor = link.has = follow.have;
  link.has_since = now;
  link.flight.clear();
  link.in_flight = 0;
  tell(from, link, now);
}

void Links::take(LifeIndex from, const LogBatch& batch, TimePoint now) {
  Link& link = links_[from];
  // Until its history is learnt its log is not asked for, and does not count.
  if (!batch.follows || wants_lesson_of(from)) return;
  std::uint64_t& have = book_.at(from).have;
  if (batch.after > have) return;
  link.told = true;
  for (const Item& item : batch.items.items) {
    if (item.number <= have) continue;
    record_.take(item, batch.items.gates, {from, item.number}, now);
    ++link.items_in;
  }
  if (batch.upto > have) {
    have = batch.upto;
    progress_ = true;
  }
  if (!link.complete && have >= batch.end) {
    link.complete = link.known = true;
    progress_ = true;
  }
}

// --- Time.

void Links::tick(TimePoint now) {
  next_ = TimePoint::max();
  for (const GateId& id : membership_.live(now)) {
    const LifeIndex gate = book_.life(id);
    Link& link = links_[gate];
    follow(gate, link, now);
    notice_have(gate, link, now);
    tell(gate, link, now);
  }
}

void Links::follow(LifeIndex gate, Link& link, TimePoint now) {
  const bool log = !wants_lesson_of(gate);
  if (link.answered && (link.told || !log)) return;
  const Duration pause = again(book_.at(gate).id.name);
  if (!link.asked || now - *link.asked >= pause) {
    link.asked = now;
    send(gate, kFollow, encode(Follow{.epoch = link.epoch, .log = log, .have = book_.at(gate).have}), now);
  }
  next_ = std::min(next_, *link.asked + pause);
}

void Links::notice_have(LifeIndex gate, Link& link, TimePoint now) {
  if (!link.follows) return;
  const Status* status = membership_.status_of(book_.at(gate).id.name);
  const Status::Of* of = status == nullptr ? nullptr : status->of_gate(membership_.self());
  if (of != nullptr && of->have > link.has) {
    link.has = of->have;
    link.has_since = now;
    while (!link.flight.empty() && link.flight.front().first <= link.has) {
      link.in_flight -= link.flight.front().second;
      link.flight.pop_front();
    }
  }
  if (link.has >= link.cursor) {
    link.cursor = link.has;
    link.has_since = now;
    return;
  }
  const TimePoint due = link.has_since + again(book_.at(gate).id.name);
  if (now >= due) {
    link.cursor = link.has;
    link.has_since = now;
    link.flight.clear();
    link.in_flight = 0;
  } else {
    next_ = std::min(next_, due);
  }
}

void Links::flush(TimePoint now) {
  for (auto& [gate, link] : links_) {
    if (link.follows && (link.cursor < book_.own_end() || link.greet)) tell(gate, link, now);
  }
}

void Links::tell(LifeIndex gate, Link& link, TimePoint now) {
  if (!membership_.is_live(book_.at(gate).id, now)) return;
  while (link.greet ||
         (link.follows && link.cursor < book_.own_end() && link.in_flight < limits_.in_flight)) {
    link.greet = false;
    // Who only wants our epoch gets it in an empty batch.
    LogBatch batch{.after = link.cursor,
                   .upto = link.follows ? book_.own_end() : link.cursor,
                   .end = link.end,
                   .follows = link.follows};
    ItemWriter items;
    const auto& log = book_.at(kSelf).log;
    if (link.follows && link.cursor < book_.own_end()) {
      log.after(link.cursor, [&](const LogItem& logged) {
        if (!book_.alive(kSelf, logged)) return true;
        Item item = item_of(book_, logged, now);
        if (items.count() > 0 && (items.full() || !items.fits(size_of(item)))) {
          batch.upto = logged.number - 1;
          return false;
        }
        if (logged.kind == LogItem::Kind::hold && logged.gate != 0)
          item.of = items.gate(book_.at(logged.gate).id);
        items.add(item);
        return true;
      });
    }
    std::string body;
    put_log_head(batch, body);
    items.put(body);
    if (link.has >= link.cursor) link.has_since = now;
    link.cursor = batch.upto;
    link.flight.emplace_back(batch.upto, body.size());
    link.in_flight += body.size();
    link.items_out += items.count();
    send(gate, kLog, std::move(body), now);
  }
}

Duration Links::again(const std::string& gate) const {
  const auto trip = membership_.round_trip(gate);
  return std::max(limits_.again, trip ? 2 * *trip + milliseconds(100) : Duration{0});
}

// --- Who is where.

Links::Link* Links::find(LifeIndex gate) {
  const auto at = links_.find(gate);
  return at == links_.end() ? nullptr : &at->second;
}
const Links::Link* Links::find(LifeIndex gate) const {
  const auto at = links_.find(gate);
  return at == links_.end() ? nullptr : &at->second;
}

void Links::drop(LifeIndex gate) {
  Link& link = links_[gate];
  ++link.epoch;
  link.answered = link.told = link.complete = false;
  link.asked.reset();
  progress_ = true;
  next_ = {};  // it is asked to go on at once
}

void Links::forget(LifeIndex gate) { links_.erase(gate); }

void Links::forget_histories() {
  for (auto& [gate, link] : links_) {
    drop(gate);
    link.known = false;
  }
}

bool Links::knows(LifeIndex gate) const {
  const Link* link = find(gate);
  return link != nullptr && link->known;
}

void Links::set_known(LifeIndex gate) {
  Link& link = links_[gate];
  if (link.known) return;
  link.known = true;
  link.told = false;  // it was asked for its epoch only
  link.asked.reset();
}

bool Links::wants_lesson_of(LifeIndex gate) const {
  if (knows(gate)) return false;
  const Status* status = membership_.status_of(book_.at(gate).id.name);
  return status != nullptr && status->gate == book_.at(gate).id && status->history;
}

bool Links::complete(LifeIndex gate) const {
  const Link* link = find(gate);
  return link != nullptr && link->complete;
}

bool Links::speaks(LifeIndex gate) const {
  const Link* link = find(gate);
  return link != nullptr && link->answered && link->epoch_to != 0;
}

std::uint64_t Links::items_in(LifeIndex gate) const {
  const Link* link = find(gate);
  return link == nullptr ? 0 : link->items_in;
}
std::uint64_t Links::items_out(LifeIndex gate) const {
  const Link* link = find(gate);
  return link == nullptr ? 0 : link->items_out;
}

}  // namespace roomgate::peers_sync::claim
