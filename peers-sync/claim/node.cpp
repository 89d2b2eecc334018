#include "peers-sync/claim/node.hpp"

#include <algorithm>

#include "peers-sync/claim/node_parts.hpp"

namespace roomgate::peers_sync::claim {
namespace {

Membership::Options membership_options(const NodeOptions& options) {
  return {.name = options.name,
          .life = options.life,
          .lease = options.lease,
          .forget = options.tombstone_life,
          .table_limit = static_cast<std::uint32_t>(std::min<std::size_t>(options.max_entries, UINT32_MAX)),
          .rules = options.rules};
}

Book::Options book_options(const NodeOptions& options) {
  return {.reconnect_grace = options.reconnect_grace,
          .tombstone_life = options.tombstone_life,
          .generations = options.rules.generations};
}

}  // namespace

Node::Parts::Parts(NodeOptions given, Host& its_host, Transport& its_transport, TimePoint now)
    : options(std::move(given)),
      host(its_host),
      transport(its_transport),
      membership(membership_options(options), *this, now),
      book(book_options(options), membership.self()),
      record(options, host, membership, book, [this](Room& room, TimePoint at) { holds.use(room, at); }),
      links(transport, membership, book, record),
      lessons(membership, book, record, links),
      asks(options, host, membership, book, links,
           [this](Ask ask, TimePoint at) { owner.take(std::move(ask), kSelf, at); }),
      owner(options, host, membership, book, record, links,
            [this](Answer answer, TimePoint at) { asks.take(kSelf, std::move(answer), at); }),
      releases(options, host, membership, book, record, links, owner,
               [this](std::string_view key) { return asks.asks_for(key); }),
      holds(options, host, book, record) {}

void Node::Parts::send_status(const std::string& to, const Status& status) {
  transport.send(to, {kStatus, encode(status)});
}

// --- Packets.

bool Node::Parts::take(const std::string& from, std::uint8_t type, ByteView body, TimePoint now) {
  if (type == kStatus) {
    const auto status = decode_status(body);
    if (status) membership.receive(from, *status, now);
    return status.has_value();
  }
  if (type != kEnvelope) return take_packet(from, type, body, now);
  auto envelope = read_envelope(body);
  if (!envelope || envelope->type == kEnvelope || envelope->type == kStatus) return false;
  if (envelope->to == options.name) {
    return take_packet(std::string(envelope->from), envelope->type, envelope->body, now);
  }
  if (envelope->hops > 0 && envelope->to != from) {
    --envelope->hops;
    links.forward(std::string(envelope->to), kEnvelope, encode(*envelope), now);
  }
  return true;
}

bool Node::Parts::take_packet(const std::string& from, std::uint8_t type, ByteView body, TimePoint now) {
  const auto headed = read_head(body);
  if (!headed) return false;
  // Malformed is malformed, whoever says it; then whether it is to be heard at all.
  const auto pass = [&](const auto& packet, const auto& then) {
    if (!packet) return false;
    if (const auto gate = links.judge(from, headed->head, static_cast<PacketType>(type))) then(*gate);
    return true;
  };
  switch (type) {
    case kFollow: {
      const auto packet = read_follow(headed->body);
      return pass(packet, [&](LifeIndex gate) { links.take(gate, *packet, now); });
    }
    case kLog: {
      const auto packet = read_log(headed->body);
      return pass(packet, [&](LifeIndex gate) { links.take(gate, *packet, now); });
    }
    case kLessonAsk: {
      const auto packet = read_lesson_ask(headed->body);
      return pass(packet, [&](LifeIndex gate) { lessons.take(gate, *packet, now); });
    }
    case kLesson: {
      const auto packet = read_lesson(headed->body);
      return pass(packet, [&](LifeIndex gate) { lessons.take(gate, *packet, now); });
    }
    case kAsk: {
      auto packet = read_ask(headed->body, now);
      return pass(packet, [&](LifeIndex gate) { owner.take(std::move(*packet), gate, now); });
    }
    case kAnswer: {
      auto packet = read_answer(headed->body, now);
      return pass(packet, [&](LifeIndex gate) { asks.take(gate, std::move(*packet), now); });
    }
    case kRelease: {
      const auto packet = read_release(headed->body);
      return pass(packet, [&](LifeIndex gate) { releases.take(gate, *packet, now); });
    }
    case kReleased: {
      const auto packet = read_released(headed->body);
      return pass(packet, [&](LifeIndex gate) { releases.take(gate, *packet, now); });
    }
    default: return true;  // of a newer version
  }
}

// --- What follows from what happened.

void Node::Parts::finish(TimePoint now) {
  last_now = now;
  if (working) return;
  working = true;
  // A view that is taken changes what may be decided, and a decision what is to be told.
  for (int again = 0; again < 4; ++again) {
    notice_members(now);
    asks.notice_others_view(now);
    rescue(now);
    owner.tick(now);
    do {
      links.flush(now);
      owner.answer(now);
    } while (owner.has_answers());
    report_progress(now);
    if (membership.next() > now) break;
    membership.tick(now);
  }
  working = false;
}

void Node::Parts::notice_members(TimePoint now) {
  if (membership.take_was_away()) learn_afresh(now);
  const auto gone = membership.take_gone();
  for (const GateId& gate : gone) {
    Book::Life& life = book.at(book.life(gate));
    if (life.gone) continue;
    life.gone = now;
    // One that had resigned went on after it was dropped.
    life.said_again = UINT64_MAX;
  }
  const auto changes = membership.take_changes();
  std::set<LifeIndex> dropped;
  for (const auto& change : changes) {
    for (const GateId& gate : change.dropped) {
      const LifeIndex life = book.life(gate);
      links.drop(life);
      dropped.insert(life);
    }
    for (const GateId& gate : change.added) book.at(book.life(gate)).said_again = UINT64_MAX;
  }
  if (!gone.empty() || !changes.empty()) say_again_of_gone(dropped, now);
  if (!changes.empty()) {
    progress_due = true;
    owner.view_changed();
    releases.view_changed();
    asks.view_changed(now);
  }
  const State state = membership.state();
  was_member = was_member || state == State::member;
  if (ready != (state == State::member)) {
    ready = !ready;
    progress_due = true;
    host.ready_changed(ready);
  }
}

// What a gate that is gone told us, and somebody in our view may lack, is in our log from now on: before the
// view is said, so that who waits for our log has it too.
void Node::Parts::say_again_of_gone(const std::set<LifeIndex>& dropped, TimePoint now) {
  // Who has resigned does it for those who live: what an owner told it alone, and died.
  const std::vector<GateId> live = membership.live(now);
  const bool resigned = membership.state() == State::leaving && membership.view().empty();
  const View& view = resigned ? live : membership.view();
  if (view.size() < (resigned ? 1 : 2)) return;
  std::vector<LifeIndex> gone;
  book.for_each_life([&](LifeIndex index, const Book::Life& life) {
    if (index == kSelf || std::binary_search(view.begin(), view.end(), life.id)) return;
    if (dropped.contains(index) || !membership.is_live(life.id, now)) gone.push_back(index);
  });
  for (const LifeIndex index : gone) {
    std::uint64_t least = UINT64_MAX;
    for (const GateId& gate : view) {
      if (gate == membership.self()) continue;
      const Status* status = membership.status_of(gate.name);
      const Status::Of* of = status == nullptr ? nullptr : status->of_gate(book.at(index).id);
      least = std::min(least, of == nullptr ? 0 : of->have);
    }
    record.say_again(index, least);
  }
  record.say_again_answered();
}

// Rule 11: what nobody uses here may have been released by the others, and the tombstone be forgotten. All
// that is still so they will say. What is in use stays where its people are.
void Node::Parts::learn_afresh(TimePoint now) {
  for (std::size_t at = 0; at < book.slots(); ++at) {
    const auto id = static_cast<RoomId>(at);
    if (!book.is_room(id)) continue;
    Room& room = book.room(id);
    const bool drops = room.has_home() && !host.local_use(room.key, now).held;
    if (drops) host.drop(room.key);
    book.discard(room, !drops);
  }
  book.for_each_life([&](LifeIndex index, const Book::Life&) {
    if (index != kSelf) book.at(index).have = 0;
  });
  links.forget_histories();
  lessons.begin_anew();
  progress_due = true;
}

void Node::Parts::forget_lives(TimePoint now) {
  if (now < forget_at) return;
  forget_at = now + seconds(1);
  std::vector<LifeIndex> over;
  const View& view = membership.view();
  book.for_each_life([&](LifeIndex index, const Book::Life& life) {
    if (index == kSelf || std::binary_search(view.begin(), view.end(), life.id)) return;
    if (life.gone && now - *life.gone > options.tombstone_life) over.push_back(index);
  });
  for (const LifeIndex index : over) {
    links.forget(index);
    lessons.forget(index);
    owner.forget(index);
    book.forget_life(index);
    progress_due = true;
  }
}

void Node::Parts::report_progress(TimePoint now) {
  const bool links_moved = links.take_progress();
  if (!links_moved && !progress_due) return;
  progress_due = false;
  Membership::Progress progress{.log_end = book.own_end(), .shards_down = shards_down};
  progress.history = was_member || lessons.taught();
  book.for_each_life([&](LifeIndex index, const Book::Life& life) {
    if (index == kSelf) return;
    if (life.have > 0) progress.have[life.id] = life.have;
    if (links.complete(index)) progress.complete.insert(life.id);
  });
  membership.set_progress(std::move(progress), now);
}

// --- The gate's own.

// Agreement 4: what is used needs no owner's word; what was idle for long may be released any moment.
bool Node::Parts::knows_by_itself(const Room& room, TimePoint now) const {
  if (!room.has_home() || room.given_back || !was_member) return false;
  if (room.provisional) return (now - room.since) * 10 < options.provisional_life * 9;
  return book.held(room, now) || (now - room.last_use) * 10 < options.idle * 9;
}

void Node::Parts::learn_outcome(const std::string& key, std::optional<Use> use, Outcome& outcome,
                                TimePoint now) {
  if (outcome.refusal != Refusal::none || outcome.candidate || outcome.home.shard.empty()) return;
  record.take_answer(key, outcome.home, now);
  Room& room = *book.find(key);
  if (!room.has_home()) return;
  if (room.generation == outcome.home.generation) record.take_back(room);
  if (use) hold(room, *use, now);
  outcome.home = book.home_of(room);
}

void Node::Parts::ask_claim(Claim claim, Done done, TimePoint until, TimePoint now) {
  Ask ask{.key = claim.key, .use = claim.use, .wish = claim.wish};
  ask.known = adoptions.take(claim.key);
  if (const auto at = rescues.find(claim.key); at != rescues.end()) ask.known = at->second;
  asks.ask(
      std::move(ask), until - now,
      [this, claim = std::move(claim), done = std::move(done), until](const Outcome& answer,
                                                                      TimePoint at) mutable {
        Outcome outcome = answer;
        learn_outcome(claim.key, claim.use, outcome, at);
        // What was answered has been released since, as we know by now.
        const Room* room = book.find(claim.key);
        const bool stale = outcome.refusal == Refusal::none && room != nullptr && !room->has_home();
        if (stale && at < until) return ask_claim(std::move(claim), std::move(done), until, at);
        done(stale ? Outcome{.refusal = Refusal::no_owner} : outcome);
      },
      now);
}

void Node::Parts::ask_about_room(Ask ask, std::optional<Use> use, Done done, TimePoint now) {
  const bool fits = !ask.key.empty() && ask.key.size() <= kMaxKey && ask.wish.size() <= kMaxWish &&
                    ask.from.size() <= kMaxName && ask.to.size() <= kMaxName;
  if (!fits || asks.full()) return done({.refusal = Refusal::no_owner});
  std::string key = ask.key;
  asks.ask(
      std::move(ask), options.claim_timeout,
      [this, key = std::move(key), use, done = std::move(done)](const Outcome& answer, TimePoint at) {
        Outcome outcome = answer;
        learn_outcome(key, use, outcome, at);
        done(outcome);
      },
      now);
  finish(now);
}

// A page holds a real room like any request, but makes none real.
void Node::Parts::hold(Room& room, Use use, TimePoint now) {
  if (use == Use::signalling || !room.provisional) holds.use(room, now);
}

void Node::Parts::adopt_some(TimePoint now) {
  if (membership.view().empty()) return;
  while (auto next = adoptions.next()) {
    const std::string& key = next->first;
    const Home& home = next->second;
    const Room* room = book.find(key);
    if (room != nullptr && room->has_home() && room->generation >= home.generation) {
      adoptions.ended();
      continue;
    }
    Ask ask{.key = key, .known = home};
    asks.ask(
        std::move(ask), options.claim_timeout,
        [this, key = key, home = home](const Outcome& outcome, TimePoint at) {
          adoptions.ended();
          Outcome learnt = outcome;
          learn_outcome(key, std::nullopt, learnt, at);
          if (outcome.refusal == Refusal::no_owner) adoptions.add(key, home);
        },
        now);
  }
}

void Node::Parts::rescue(TimePoint now) {
  for (auto& [key, home] : record.take_rescued()) {
    rescues.insert_or_assign(key, home);
    ask_rescue(key, now);
  }
}

void Node::Parts::ask_rescue(const std::string& key, TimePoint now) {
  Ask ask{.key = key, .use = Use::signalling, .known = rescues.at(key)};
  asks.ask(
      std::move(ask), options.claim_timeout,
      [this, key](const Outcome& outcome, TimePoint at) { end_rescue(key, outcome, at); }, now);
}

void Node::Parts::end_rescue(const std::string& key, const Outcome& outcome, TimePoint now) {
  Outcome learnt = outcome;
  const bool held = host.local_use(key, now).held;
  learn_outcome(key, held ? std::optional(Use::signalling) : std::nullopt, learnt, now);
  const auto at = rescues.find(key);
  if (at == rescues.end()) return;
  const bool again = outcome.refusal == Refusal::no_owner || outcome.refusal == Refusal::stay;
  if (again && held) {
    // Released again, later than we know of.
    if (outcome.refusal == Refusal::stay) ++at->second.generation;
    return ask_rescue(key, now);
  }
  rescues.erase(at);
  record.rescue_ended(key, outcome.refusal != Refusal::none);
}

Node::Node(NodeOptions options, Host& host, Transport& transport, TimePoint now)
    : parts_(std::make_unique<Parts>(std::move(options), host, transport, now)) {}
Node::~Node() = default;

void Node::set_configured(std::vector<std::string> gates, TimePoint now) {
  parts_->configured = gates;
  parts_->membership.set_configured(std::move(gates), now);
  parts_->finish(now);
}

void Node::connected(const std::string& gate, TimePoint now) {
  parts_->membership.connected(gate, now);
  parts_->finish(now);
}

void Node::lost(const std::string& gate, TimePoint now) {
  parts_->membership.lost(gate, now);
  parts_->finish(now);
}

void Node::refused(const std::string& gate, TimePoint now) {
  parts_->membership.refused(gate, now);
  parts_->finish(now);
}

bool Node::receive(const std::string& from, std::uint8_t type, ByteView body, TimePoint now) {
  if (!parts_->take(from, type, body, now)) return false;
  parts_->finish(now);
  return true;
}

void Node::tick(TimePoint now) {
  Parts& p = *parts_;
  p.membership.tick(now);
  for (const GateId& gate : p.membership.live(now)) {
    Book::Life& life = p.book.at(p.book.life(gate));
    if (!life.gone) continue;
    life.gone.reset();
    life.said_again = UINT64_MAX;
  }
  p.notice_members(now);
  p.lessons.tick(now);
  p.links.tick(now);
  p.asks.tick(now);
  p.releases.tick(now);
  p.holds.tick(now);
  p.adopt_some(now);
  p.forget_lives(now);
  p.finish(now);
}

TimePoint Node::next() const {
  const Parts& p = *parts_;
  TimePoint next = std::min({p.membership.next(), p.lessons.next(), p.links.next(), p.asks.next(),
                             p.releases.next(), p.holds.next()});
  if (p.adoptions.has_next() && !p.membership.view().empty()) next = std::min(next, p.last_now);
  return next;
}

void Node::claim(Claim claim, Done done, TimePoint now) {
  Parts& p = *parts_;
  if (claim.key.empty() || claim.key.size() > kMaxKey || claim.wish.size() > kMaxWish || p.asks.full()) {
    return done({.refusal = Refusal::no_owner});
  }
  if (Room* room = p.book.find(claim.key); room != nullptr && p.knows_by_itself(*room, now)) {
    p.hold(*room, claim.use, now);
    const Outcome outcome{.home = p.book.home_of(*room)};
    p.finish(now);
    return done(outcome);
  }
  p.ask_claim(std::move(claim), std::move(done), now + p.options.claim_timeout, now);
  p.finish(now);
}

void Node::elsewhere(Elsewhere elsewhere, Done done, TimePoint now) {
  Ask ask{.kind = Ask::Kind::elsewhere,
          .key = std::move(elsewhere.key),
          .wish = std::move(elsewhere.wish),
          .from = std::move(elsewhere.from),
          .was_in_use = elsewhere.was_in_use};
  parts_->ask_about_room(std::move(ask), Use::signalling, std::move(done), now);
}

void Node::settle(Settle settle, Done done, TimePoint now) {
  Ask ask{.kind = Ask::Kind::settle,
          .key = std::move(settle.key),
          .from = std::move(settle.from),
          .to = std::move(settle.to),
          .was_in_use = settle.was_in_use,
          .placed = settle.placed};
  parts_->ask_about_room(std::move(ask), Use::signalling, std::move(done), now);
}

void Node::move(std::string key, std::string to, std::uint8_t placed, Done done, TimePoint now) {
  Ask ask{.kind = Ask::Kind::move, .key = std::move(key), .to = std::move(to), .placed = placed};
  parts_->ask_about_room(std::move(ask), std::nullopt, std::move(done), now);
}

void Node::forget(std::string key, Done done, TimePoint now) {
  Ask ask{.kind = Ask::Kind::forget, .key = std::move(key)};
  parts_->ask_about_room(std::move(ask), std::nullopt, std::move(done), now);
}

void Node::say(std::string name, std::string value, TimePoint now) {
  if (name.empty() || name.size() > kMaxWord || value.size() > kMaxWordValue) return;
  parts_->record.say_word(std::move(name), std::move(value));
  parts_->finish(now);
}

void Node::adopt(std::string key, Home home, TimePoint now) {
  Parts& p = *parts_;
  const bool fits = !key.empty() && key.size() <= kMaxKey && !home.shard.empty() &&
                    home.shard.size() <= kMaxName && home.region.size() <= kMaxName;
  if (!fits || p.adoptions.size() >= p.options.max_entries) return;
  const Room* room = p.book.find(key);
  if (room != nullptr && room->has_home() && room->generation >= home.generation) return;
  p.adoptions.add(std::move(key), std::move(home));
  p.adopt_some(now);
  p.finish(now);
}

void Node::resign(TimePoint now) {
  parts_->membership.resign(now);
  parts_->finish(now);
}

void Node::leave(TimePoint now) {
  parts_->membership.leave(now);
  parts_->finish(now);
}

void Node::shards_down_changed(TimePoint now) {
  Parts& p = *parts_;
  p.shards_down.clear();
  for (const std::string& shard : p.host.shards_down()) p.shards_down.push_back(short_hash(shard));
  if (p.shards_down.size() > kMaxShardsDown) p.shards_down.resize(kMaxShardsDown);
  p.progress_due = true;
  p.finish(now);
}

}  // namespace roomgate::peers_sync::claim
