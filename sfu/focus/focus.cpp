#include "sfu/focus/focus.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "base/log.hpp"

namespace roomgate::sfu::focus {

Focus::Focus(xmpp::RoomService& rooms, bridge::Link& link, metrics::Registry& registry, Config config)
    : config_(std::move(config)),
      metrics_(registry),
      context_{.rooms = rooms,
               .links = {&link},
               .bridges = {{.region = config_.region}},
               .config = config_,
               .metrics = metrics_,
               .capabilities = {}} {}

Focus::~Focus() = default;

bool Focus::conference_requested(const std::string& room, TimePoint now) {
  if (by_room(room) != nullptr) return true;  // rooms that exist are served whatever the load
  if (state() != ShardState::ready) {
    metrics_.refused_rooms.add();
    LOG(warn, "room_refused", {"room", room}, {"draining", draining_}, {"stress", stress()},
        {"conferences", by_room_.size()});
    return false;
  }
  create(room, now);
  return true;
}

void Focus::room_ended(const std::string& room, TimePoint) {
  const auto found = by_room_.find(room);
  if (found == by_room_.end()) return;
  participants_ -= found->second->size();
  found->second->end();
  by_id_.erase(found->second->id());
  by_room_.erase(found);
  count();
}

void Focus::occupant_joined(const std::string& room, const xmpp::OccupantInfo& who,
                            const xmpp::Element& presence, TimePoint now) {
  Conference* conference = by_room(room);
  if (conference == nullptr && by_room_.size() >= config_.limits.conferences) {
    metrics_.refused_participants.add();
    LOG(error, "occupant_without_conference", {"room", room}, {"conferences", by_room_.size()});
    return;
  }
  if (conference == nullptr) conference = &create(room, now);
  const std::size_t before = conference->size();
  conference->joined(who, presence, now);
  participants_ += conference->size() - before;
  count();
}

void Focus::occupant_presence(const std::string& room, const xmpp::OccupantInfo& who,
                              const xmpp::Element& presence, TimePoint) {
  if (Conference* conference = by_room(room); conference != nullptr) conference->updated(who, presence);
}

void Focus::occupant_left(const std::string& room, const std::string& nick, xmpp::LeaveReason,
                          TimePoint now) {
  Conference* conference = by_room(room);
  if (conference == nullptr) return;
  participants_ -= conference->size();
  conference->left(nick, now);
  participants_ += conference->size();
  count();
}

void Focus::focus_iq(const std::string& room, const std::string& nick, const xmpp::Element& iq,
                     TimePoint now) {
  if (Conference* conference = by_room(room); conference != nullptr) return conference->iq(nick, iq, now);
  context_.rooms.reply_error(
      room, nick, iq,
      {.type = "cancel", .condition = "item-not-found", .text = "", .application = std::nullopt});
}

void Focus::focus_iq_answered(const std::string& room, const std::string& nick, const std::string& id,
                              bool result, const xmpp::Element& answer, TimePoint now) {
  if (Conference* conference = by_room(room); conference != nullptr)
    conference->iq_answered(nick, id, result, answer, now);
}

void Focus::on_event(bridge::Event event, TimePoint now) {
  std::visit(
      [this, now](auto& what) {
        using What = std::remove_cvref_t<decltype(what)>;
        if constexpr (std::is_same_v<What, bridge::Stress>) {
          context_.bridges.front().stress = what.stress;
          metrics_.stress.set(what.stress);
          strained_ = what.stress >= (strained_ ? config_.ready_below : config_.full_at);
        } else {
          Conference* conference = by_id(what.conference);
          if (conference == nullptr) return;  // ended; its Expire is on the way or done
          if constexpr (std::is_same_v<What, bridge::ChannelFrame>) {
            if (!conference->channel_to_client(what)) metrics_.dropped_frames.add();
          } else if constexpr (std::is_same_v<What, bridge::DominantSpeaker>) {
            conference->on(what);
          } else {
            conference->on(what, now);
          }
        }
      },
      event);
}

void Focus::tick(TimePoint now) {
  for (auto& [room, conference] : by_room_) conference->tick(now);
}

bool Focus::channel_check(std::string_view conference, std::string_view endpoint,
                          std::string_view pwd) const {
  const Conference* found = by_id(conference);
  return found != nullptr && found->channel_check(endpoint, pwd);
}

void Focus::channel_opened(const std::string& conference, const std::string& endpoint) {
  if (Conference* found = by_id(conference); found != nullptr) found->channel_opened(endpoint);
}

void Focus::channel_closed(const std::string& conference, const std::string& endpoint) {
  if (Conference* found = by_id(conference); found != nullptr) found->channel_closed(endpoint);
}

void Focus::channel_frame(const std::string& conference, const std::string& endpoint, std::string text) {
  Conference* found = by_id(conference);
  if (found == nullptr || !found->channel_frame(endpoint, std::move(text))) metrics_.dropped_frames.add();
}

ShardState Focus::state() const {
  if (draining_) return ShardState::drain;
  const bool full = strained_ || by_room_.size() >= config_.limits.conferences;
  return full ? ShardState::full : ShardState::ready;
}

double Focus::stress() const { return context_.bridges.front().stress; }

std::vector<RoomCensus> Focus::census() const {
  std::vector<RoomCensus> out;
  out.reserve(by_room_.size());
  for (const auto& [room, conference] : by_room_) {
    out.push_back({.room = room, .participants = conference->size(), .created = conference->created()});
  }
  std::sort(out.begin(), out.end(), [](const RoomCensus& a, const RoomCensus& b) { return a.room < b.room; });
  return out;
}

std::string Focus::dominant_speaker(const std::string& room) const {
  const Conference* found = by_room(room);
  return found == nullptr ? "" : found->dominant_speaker();
}

bool Focus::media_alive(const std::string& room, const std::string& nick) const {
  const Conference* found = by_room(room);
  return found != nullptr && found->media_alive(nick);
}

std::string Focus::conference_id(const std::string& room) const {
  const Conference* found = by_room(room);
  return found == nullptr ? "" : found->id();
}

const Conference* Focus::conference(const std::string& room) const { return by_room(room); }

Conference* Focus::by_room(const std::string& room) const {
  const auto found = by_room_.find(room);
  return found == by_room_.end() ? nullptr : found->second.get();
}

Conference* Focus::by_id(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

Conference& Focus::create(const std::string& room, TimePoint now) {
  auto& made = by_room_[room] = std::make_unique<Conference>(context_, room, now);
  by_id_[made->id()] = made.get();
  count();
  return *made;
}

void Focus::count() {
  metrics_.conferences.set(static_cast<double>(by_room_.size()));
  metrics_.participants.set(static_cast<double>(participants()));
}

}  // namespace roomgate::sfu::focus
