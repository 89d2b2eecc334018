#include "sfu/focus/conference.hpp"

#include <algorithm>
#include <utility>

#include "base/bytes.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "sfu/focus/jingle_offer.hpp"
#include "sfu/xmpp/namespaces.hpp"

namespace roomgate::sfu::focus {
namespace {

// RFC 6455 7.4.1, "going away": the client does not come back to this URL when it is alone.
constexpr std::uint16_t kGoingAway = 1001;

// As long for a wrong secret as for the right one.
bool same_secret(std::string_view a, std::string_view b) {
  std::uint8_t difference = a.size() == b.size() ? 0 : 1;
  const std::size_t shortest = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < shortest; ++i) {
    difference = static_cast<std::uint8_t>(difference | static_cast<std::uint8_t>(a[i] ^ b[i]));
  }
  return difference == 0;
}

// A client of 2021 names one codec in its presence, today's list theirs.
bool speaks_like_2021(const xmpp::Element& presence) {
  return presence.child("jitsi_participant_codecType") != nullptr &&
         presence.child("jitsi_participant_codecList") == nullptr;
}

}  // namespace

Conference::Conference(Context& context, std::string room, TimePoint now)
    : context_(context),
      limits_(context.config.limits),
      id_(random_hex(8)),
      room_(std::move(room)),
      created_(now),
      sources_(limits_) {
  publish_presence();
}

void Conference::joined(const xmpp::OccupantInfo& who, const xmpp::Element& presence, TimePoint now) {
  if (find(who.nick) != nullptr) left(who.nick, now);
  // "jvb" owns the bridge's own sources, "focus" is us.
  if (who.nick.empty() || who.nick == kBridgeOwner || who.nick == "focus" ||
      participants_.size() >= limits_.participants_per_conference) {
    context_.metrics.refused_participants.add();
    LOG(warn, "participant_without_media", {"room", room_}, {"nick", who.nick},
        {"participants", participants_.size()});
    return;
  }
  Participant& joined = participants_.try_emplace(who.nick, limits_, who).first->second;
  joined.old_presence = speaks_like_2021(presence);
  joined.deadline = now;
  ask_capabilities(joined, presence);
  allocate(joined, now);
}

// Besides the allocation, so that it costs a join nothing but the way to the client and back, and that only
// for the first one of its version.
void Conference::ask_capabilities(Participant& who, const xmpp::Element& presence) {
  const auto announced = announced_capabilities(presence);
  if (!announced || !context_.config.ssrc_rewriting) return;
  if (const auto known = context_.capabilities.find(*announced)) {
    who.capabilities = *known;
    return;
  }
  who.announced = *announced;
  who.asked_id = context_.rooms.ask_as_focus(room_, who.info.nick, capabilities_query(*announced));
}

void Conference::capabilities_known(Participant& who, TimePoint now) {
  who.asked_id.clear();
  if (const auto held = std::exchange(who.held, std::nullopt)) on(*held, now);
}

void Conference::updated(const xmpp::OccupantInfo& info, const xmpp::Element& presence) {
  Participant* who = find(info.nick);
  if (who == nullptr) return;
  who->info = info;
  who->old_presence = speaks_like_2021(presence);
}

void Conference::left(const std::string& nick, TimePoint now) {
  Participant* who = find(nick);
  if (who == nullptr) return;
  // Out of the list first: nobody sends to somebody who is leaving.
  auto gone = participants_.extract(participants_.find(nick));
  end_session(gone.mapped(), now);
  if (dominant_ == nick) dominant_.clear();
}

void Conference::end() {
  for (auto& [nick, who] : participants_) {
    if (who.has_session() && context_.sink != nullptr) context_.sink->close(id_, nick, kGoingAway);
  }
  for (bridge::Link* link : context_.links) link->send(bridge::Expire{.conference = id_, .endpoint = ""});
  participants_.clear();
}

void Conference::step(Participant& who, Step step) {
  const auto next = next_phase(who.phase, step);
  if (!next) {
    LOG(error, "illegal_step", {"room", room_}, {"endpoint", who.info.nick},
        {"phase", static_cast<int>(who.phase)}, {"step", static_cast<int>(step)});
    return;
  }
  who.phase = *next;
}

void Conference::send(const Participant& who, bridge::Command command) {
  context_.links[who.bridge]->send(std::move(command));
}

// ---- allocation

void Conference::allocate(Participant& who, TimePoint now) {
  step(who, Step::start);
  const auto chosen = choose(context_.bridges, who.info.region, context_.config.full_at);
  if (!chosen) return allocate_failed(who, "no bridge", now);
  who.bridge = *chosen;
  who.request = context_.next_request++;
  who.deadline = now + limits_.allocate_timeout;
  send(who,
       bridge::Allocate{
           .request = who.request, .conference = id_, .endpoint = who.info.nick, .region = who.info.region});
}

Duration Conference::retry_delay(int failures) const {
  Duration delay = limits_.retry_first;
  for (int i = 1; i < failures && delay < limits_.retry_longest; ++i) delay *= 2;
  return std::min(delay, limits_.retry_longest);
}

void Conference::allocate_failed(Participant& who, std::string_view reason, TimePoint now) {
  context_.metrics.allocate_failures.add();
  ++who.allocate_failures;
  LOG(warn, "allocate_failed", {"room", room_}, {"endpoint", who.info.nick}, {"reason", reason},
      {"failures", who.allocate_failures});
  const bool given_up = who.allocate_failures >= limits_.allocate_attempts;
  step(who, Step::retry);
  who.deadline = now + (given_up ? limits_.retry_longest : retry_delay(who.allocate_failures));
  if (given_up && !bridge_missing_) {
    bridge_missing_ = true;
    publish_presence();
  }
}

void Conference::on(const bridge::Allocated& event, TimePoint now) {
  Participant* who = find(event.endpoint);
  // Late answers: whoever stopped waiting has sent Expire already, which the bridge reads after its answer.
  if (who == nullptr || who->phase != Phase::allocating || who->request != event.request) return;
  if (!who->asked_id.empty()) {
    who->held = event;
    who->deadline = now + limits_.capabilities_timeout;
    return;
  }
  if (!sources_.reserve(event.audio_ssrc, event.video_ssrc)) {
    send(*who, bridge::Expire{.conference = id_, .endpoint = event.endpoint});
    return allocate_failed(*who, "the bridge's SSRC is an endpoint's", now);
  }
  who->allocate_failures = 0;
  if (std::exchange(bridge_missing_, false)) publish_presence();
  who->allocated = event;
  invite(*who, now);
}

void Conference::on(const bridge::AllocateFailed& event, TimePoint now) {
  Participant* who = find(event.endpoint);
  if (who == nullptr || who->phase != Phase::allocating || who->request != event.request) return;
  allocate_failed(*who, event.reason, now);
}

// ---- the session

void Conference::invite(Participant& who, TimePoint now) {
  const bridge::Allocated& at = who.allocated;
  step(who,
       Step::offered);  // from here the channel is addressable: it may be opened before the session-accept
  who.sid = random_hex(6);
  who.bridge_session = random_hex(4);
  // Without a channel nobody could tell it what the SSRCs stand for.
  who.rewriting = who.capabilities.ssrc_rewriting && !who.info.channel_base.empty();
  who.told.clear();
  if (!who.rewriting) who.told = sources_.all_but(who.info.nick);
  who.changed.clear();
  Offer offer{.room = room_,
              .sid = who.sid,
              .initiator = context_.config.focus_jid + "/focus",
              .bridge_session = who.bridge_session,
              .channel_url = "",
              .transport_cc = who.transport_cc,
              .opus_red = context_.config.opus_red,
              .encoding = context_.config.encoding,
              .others = {}};
  if (who.info.channel_base.empty()) {
    LOG(warn, "no_channel_address", {"room", room_}, {"endpoint", who.info.nick});
  } else {
    offer.channel_url =
        channel_url(who.info.channel_base, at.bridge.empty() ? context_.config.shard : at.bridge, id_,
                    who.info.nick, at.channel_secret);
  }
  for (const auto& [owner, list] : who.told) offer.others.emplace(owner, *list);
  context_.metrics.invites.add();
  who.initiate_id = context_.rooms.send_focus_iq(room_, who.info.nick, session_initiate(offer, at));
  if (who.initiate_id.empty()) {
    LOG(info, "invited_nobody", {"room", room_}, {"endpoint", who.info.nick});
    end_session(who, now);
    return step(who, Step::end);
  }
  who.deadline = now + limits_.invite_timeout;
}

void Conference::iq_answered(const std::string& nick, const std::string& id, bool result,
                             const xmpp::Element& answer, TimePoint now) {
  Participant* who = find(nick);
  if (who == nullptr) return;
  if (!id.empty() && id == who->asked_id) {
    const auto read = result ? read_capabilities(answer) : std::nullopt;
    if (read) context_.capabilities.learn(who->announced, answer, *read);
    who->capabilities = read.value_or(Capabilities{});
    return capabilities_known(*who, now);
  }
  if (id.empty() || id != who->initiate_id) {
    // A source-add that a client could not use: its next session-initiate has them all again.
    if (!result) LOG(info, "client_refused", {"room", room_}, {"endpoint", nick}, {"id", id});
    return;
  }
  who->initiate_id.clear();
  if (who->phase != Phase::invited) return;
  if (!result) return invite_failed(*who, "session-initiate refused", now);
  who->deadline = now + limits_.accept_timeout;
}

void Conference::invite_failed(Participant& who, std::string_view reason, TimePoint now) {
  context_.metrics.invite_failures.add();
  ++who.invite_failures;
  end_session(who, now);
  const bool given_up = who.invite_failures >= limits_.invite_attempts;
  LOG(warn, given_up ? "invite_given_up" : "invite_failed", {"room", room_}, {"endpoint", who.info.nick},
      {"reason", reason}, {"failures", who.invite_failures});
  step(who, given_up ? Step::end : Step::retry);
  who.deadline = now + retry_delay(who.invite_failures);
}

void Conference::terminate_at_client(const Participant& who, std::string_view reason, std::string_view text) {
  context_.rooms.send_focus_iq(room_, who.info.nick, focus::session_terminate(who.sid, reason, text));
}

void Conference::end_session(Participant& who, TimePoint now) {
  const std::string& nick = who.info.nick;
  if (who.phase == Phase::allocating || who.has_session())
    send(who, bridge::Expire{.conference = id_, .endpoint = nick});
  if (who.has_session()) {
    sources_.release(who.allocated.audio_ssrc, who.allocated.video_ssrc);
    if (context_.sink != nullptr) context_.sink->close(id_, nick, kGoingAway);
  }
  who.request = 0;
  who.held.reset();
  who.allocated = {};
  who.sid.clear();
  who.bridge_session.clear();
  who.initiate_id.clear();
  who.channel_open = false;
  who.media = bridge::EndpointState::interrupted;
  who.told.clear();
  who.changed.clear();
  who.phase = Phase::ended;  // before others are told: it must not be told anything itself
  if (sources_.drop(nick)) sources_changed(nick, now);
}

void Conference::restart(Participant& who, std::string_view reason, TimePoint at, TimePoint now) {
  context_.metrics.restarts.add();
  LOG(info, "restart", {"room", room_}, {"endpoint", who.info.nick}, {"reason", reason});
  end_session(who, now);
  step(who, Step::retry);
  who.deadline = at;
  if (at <= now) allocate(who, now);
}

void Conference::restart_by_bridge(const std::string& endpoint, const std::string& reason, TimePoint now) {
  Participant* who = find(endpoint);
  // In any other phase this speaks of an endpoint that was expired meanwhile.
  if (who == nullptr || !who->has_session()) return;
  terminate_at_client(*who, "connectivity-error", "media restart");
  restart(*who, reason, who->restarts.take(now), now);
}

void Conference::on(const bridge::RestartWanted& event, TimePoint now) {
  restart_by_bridge(event.endpoint, event.reason, now);
}

void Conference::on(const bridge::EndpointChanged& event, TimePoint now) {
  Participant* who = find(event.endpoint);
  if (who == nullptr || !who->has_session()) return;
  who->media = event.state;
  if (event.state == bridge::EndpointState::failed) restart_by_bridge(event.endpoint, event.reason, now);
}

void Conference::on(const bridge::DominantSpeaker& event) {
  if (event.endpoint.empty() || find(event.endpoint) != nullptr) dominant_ = event.endpoint;
}

void Conference::tick(TimePoint now) {
  for (auto& [nick, who] : participants_) {
    if (now < who.deadline) continue;
    switch (who.phase) {
      case Phase::waiting: allocate(who, now); break;
      case Phase::allocating:
        if (who.held) {
          LOG(info, "capabilities_unknown", {"room", room_}, {"endpoint", nick});
          capabilities_known(who, now);
          break;
        }
        send(who, bridge::Expire{.conference = id_, .endpoint = nick});
        allocate_failed(who, "no answer", now);
        break;
      case Phase::invited:
        terminate_at_client(who, "general-error", "no answer");
        invite_failed(who, who.initiate_id.empty() ? "no session-accept" : "no answer to session-initiate",
                      now);
        break;
      case Phase::accepted:
      case Phase::ended: break;
    }
  }
  if (flush_at_ && now >= *flush_at_) flush_all();
}

// ---- the bridge channel

bool Conference::channel_check(std::string_view endpoint, std::string_view pwd) const {
  const Participant* who = find(endpoint);
  if (who == nullptr || !who->has_session() || who->allocated.channel_secret.empty()) return false;
  return same_secret(who->allocated.channel_secret, pwd);
}

bool Conference::channel_opened(const std::string& endpoint) {
  Participant* who = find(endpoint);
  if (who == nullptr || !who->has_session()) return false;
  who->channel_open = true;
  send(*who, bridge::ChannelOpened{.conference = id_, .endpoint = endpoint});
  return true;
}

bool Conference::channel_closed(const std::string& endpoint) {
  Participant* who = find(endpoint);
  if (who == nullptr || !who->channel_open) return false;
  who->channel_open = false;
  send(*who, bridge::ChannelClosed{.conference = id_, .endpoint = endpoint});
  return true;
}

bool Conference::channel_frame(const std::string& endpoint, std::string text) {
  Participant* who = find(endpoint);
  if (who == nullptr || !who->channel_open || text.size() > limits_.channel_frame_bytes) return false;
  send(*who, bridge::ChannelFrame{.conference = id_, .endpoint = endpoint, .text = std::move(text)});
  return true;
}

bool Conference::channel_to_client(const bridge::ChannelFrame& frame) {
  const Participant* who = find(frame.endpoint);
  if (who == nullptr || !who->channel_open || context_.sink == nullptr) return false;
  context_.sink->send(id_, frame.endpoint, frame.text);
  return true;
}

// ---- small

void Conference::publish_presence() {
  xmpp::Element properties("conference-properties", xmpp::ns::kFocus);
  const auto add = [&properties](std::string key, std::string value) {
    properties.add(xmpp::Element("property", xmpp::ns::kFocus))
        .set("key", std::move(key))
        .set("value", std::move(value));
  };
  add("support-session-restart", "true");
  add("bridge-count", std::to_string(context_.bridges.size()));
  std::vector<xmpp::Element> payload{std::move(properties)};
  if (bridge_missing_) payload.emplace_back("bridgeNotAvailable", xmpp::ns::kFocus);
  context_.rooms.set_focus_presence(room_, std::move(payload));
}

bool Conference::media_alive(const std::string& nick) const {
  const Participant* who = find(nick);
  return who != nullptr && who->phase == Phase::accepted && who->media == bridge::EndpointState::connected;
}

std::optional<Phase> Conference::phase(const std::string& nick) const {
  const Participant* who = find(nick);
  return who == nullptr ? std::nullopt : std::optional(who->phase);
}

Participant* Conference::find(std::string_view nick) {
  const auto found = participants_.find(nick);
  return found == participants_.end() ? nullptr : &found->second;
}

const Participant* Conference::find(std::string_view nick) const {
  const auto found = participants_.find(nick);
  return found == participants_.end() ? nullptr : &found->second;
}

}  // namespace roomgate::sfu::focus
