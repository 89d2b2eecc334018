#include "peers-sync/claim/asks.hpp"

#include <algorithm>

namespace roomgate::peers_sync::claim {

void Asks::ask(Ask ask, Duration time, Done done, TimePoint now) {
  ask.id = ++last_id_;
  ask.asker = membership_.self();
  const std::uint64_t id = ask.id;
  ++keys_[ask.key];
  Waiting& waiting = waiting_[id];
  waiting = {.ask = std::move(ask), .done = std::move(done), .until = now + time, .again = now};
  send(waiting, now);
}

// Ours; who has none, learning or leaving, asks those who have.
const View* Asks::view_to_ask_by(TimePoint now) const {
  if (!membership_.view().empty()) return &membership_.view();
  for (const GateId& gate : membership_.live(now)) {
    const Status* status = membership_.status_of(gate.name);
    if (status->state != State::member || status->view.empty()) continue;
    // It has not heard yet that we left it.
    if (std::binary_search(status->view.begin(), status->view.end(), membership_.self())) continue;
    return &status->view;
  }
  return nullptr;
}

std::optional<GateId> Asks::owner(std::string_view key, TimePoint now) const {
  const View* view = view_to_ask_by(now);
  if (view == nullptr) return std::nullopt;
  return (*view)[owner_of(*view, key)];
}

void Asks::send(Waiting& waiting, TimePoint now) {
  const std::uint64_t id = waiting.ask.id;
  const auto to = owner(waiting.ask.key, now);
  waiting.again =
      now + (to ? std::max<Duration>(milliseconds(200), links_.again(to->name) - milliseconds(100))
                : milliseconds(100));
  due_.emplace(std::min(waiting.again, waiting.until), id);
  if (!to) return;
  waiting.ask.time_left = waiting.until - now;
  // Last: an answer of our own may come at once.
  if (*to == membership_.self()) {
    own_(waiting.ask, now);
  } else {
    links_.send(book_.life(*to), kAsk, encode(waiting.ask, now), now);
  }
}

void Asks::take(LifeIndex from, Answer answer, TimePoint now) {
  const auto at = waiting_.find(answer.id);
  if (at == waiting_.end()) return;
  // A gate that is not in our view has nothing to decide.
  const View& view = membership_.view();
  if (from != kSelf && !view.empty() && !std::binary_search(view.begin(), view.end(), book_.at(from).id)) {
    return;
  }
  Waiting& waiting = at->second;
  if (answer.say_more) {
    if (waiting.in_full) return end(answer.id, {.refusal = Refusal::no_shard}, now);
    waiting.in_full = true;
    waiting.ask.wish = host_.said_in_full(waiting.ask.key, waiting.ask.wish);
    send(waiting, now);
    return;
  }
  end(answer.id, answer.outcome, now);
}

void Asks::end(std::uint64_t id, const Outcome& outcome, TimePoint now) {
  auto node = waiting_.extract(id);
  const auto key = keys_.find(node.mapped().ask.key);
  if (--key->second == 0) keys_.erase(key);
  node.mapped().done(outcome, now);
}

void Asks::view_changed(TimePoint now) {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, waiting] : waiting_) ids.push_back(id);
  for (const std::uint64_t id : ids) {
    const auto at = waiting_.find(id);
    if (at == waiting_.end()) continue;
    auto node = waiting_.extract(at);
    node.key() = node.mapped().ask.id = ++last_id_;
    send(waiting_.insert(std::move(node)).position->second, now);
  }
}

void Asks::notice_others_view(TimePoint now) {
  const bool spoken = links_.take_spoken();
  if (waiting_.empty() || !membership_.view().empty()) return;
  const View* view = view_to_ask_by(now);
  if (view == nullptr || (*view == asked_by_ && !spoken)) return;
  asked_by_ = *view;
  view_changed(now);
}

void Asks::tick(TimePoint now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const std::uint64_t id = due_.begin()->second;
    due_.erase(due_.begin());
    const auto at = waiting_.find(id);
    if (at == waiting_.end()) continue;
    if (now >= at->second.until) {
      end(id, {.refusal = Refusal::no_owner}, now);
    } else if (now >= at->second.again) {
      send(at->second, now);
    }
  }
}

TimePoint Asks::next() const { return due_.empty() ? TimePoint::max() : due_.begin()->first; }

}  // namespace roomgate::peers_sync::claim
