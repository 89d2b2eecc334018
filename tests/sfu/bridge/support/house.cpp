#include "tests/sfu/bridge/support/house.hpp"

#include <doctest/doctest.h>
#include <poll.h>

namespace roomgate::test {

using namespace roomgate::sfu::bridge;

std::vector<std::uint8_t> make_rtp(const RtpText& text) {
  std::vector<std::uint8_t> extensions;
  const auto add = [&extensions](std::uint8_t id, const std::vector<std::uint8_t>& data) {
    extensions.push_back(static_cast<std::uint8_t>(id << 4 | (data.size() - 1)));
    extensions.insert(extensions.end(), data.begin(), data.end());
  };
  if (text.level) add(1, {static_cast<std::uint8_t>(0x80 | *text.level)});
  if (text.mid) add(10, {'0'});
  if (text.transport) {
    add(5, {static_cast<std::uint8_t>(*text.transport >> 8), static_cast<std::uint8_t>(*text.transport)});
  }
  while (extensions.size() % 4 != 0) extensions.push_back(0);

  std::vector<std::uint8_t> out;
  out.reserve(12 + 4 + extensions.size() + text.payload.size());
  out.resize(12);
  out[0] = extensions.empty() ? 0x80 : 0x90;
  out[1] = static_cast<std::uint8_t>((text.marker ? 0x80 : 0) | text.payload_type);
  store16(&out[2], text.sequence);
  store32(&out[4], text.timestamp);
  store32(&out[8], text.ssrc);
  if (!extensions.empty()) {
    std::array<std::uint8_t, 4> head{};
    store16(&head[0], 0xbede);
    store16(&head[2], static_cast<std::uint16_t>(extensions.size() / 4));
    out.insert(out.end(), head.begin(), head.end());
    out.insert(out.end(), extensions.begin(), extensions.end());
  }
  out.insert(out.end(), text.payload.begin(), text.payload.end());
  return out;
}

std::vector<std::uint8_t> make_vp8(bool keyframe, std::uint16_t picture_id, std::uint8_t tl0,
                                   const std::string& tag) {
  std::vector<std::uint8_t> out = {0x90,  // X, S, partition 0
                                   0xc0,  // I, L
                                   static_cast<std::uint8_t>(0x80 | (picture_id >> 8)),
                                   static_cast<std::uint8_t>(picture_id),
                                   tl0,
                                   static_cast<std::uint8_t>(keyframe ? 0x10 : 0x11),
                                   0x02,
                                   0x00,
                                   0x9d,
                                   0x01,
                                   0x2a};
  const auto head = out.size();
  out.resize(head + tag.size() + 200, 0x55);
  std::ranges::copy(tag, &out[head]);
  return out;
}

BridgeConfig House::default_config() {
  BridgeConfig config;
  config.name = "shard-test";
  config.bind_ip = "127.0.0.1";
  config.socket_buffer = 1 << 20;
  // Cameras here send as fast as the test turns; what a path carries is bridge_downlink_test's alone.
  config.limits.estimator.rate.start = config.limits.estimator.rate.max;
  // Nor is it bounded, and the machine may be as busy as it likes: that is bridge_overload_test's.
  config.limits.sender = {.packets_per_second = 1e6, .bits_per_second = 1e10};
  config.limits.stress = {.busy = 1000, .packets_per_second = 0, .lag = seconds(1000)};
  return config;
}

House::House(BridgeConfig config, sfu::transport::DtlsClientOptions dtls) : dtls_(dtls) {
  auto bridge = Bridge::start(config, registry_);
  if (!bridge) FAIL(bridge.error());
  bridge_ = std::move(*bridge);
}

Member& House::enter(const std::string& conference, const std::string& id) {
  auto member = std::make_unique<Member>(dtls_);
  member->id = id;
  member->conference = conference;
  const std::uint64_t request = next_request_++;
  bridge_->send(Allocate{request, conference, id, ""});
  REQUIRE(until([&] {
    for (const Event& event : events) {
      if (const auto* allocated = std::get_if<Allocated>(&event);
          allocated && allocated->request == request) {
        member->allocated = *allocated;
        return true;
      }
    }
    return false;
  }));
  return *members_.emplace_back(std::move(member));
}

void House::set_transport(Member& member, Features features, std::optional<Fingerprint> fingerprint) {
  bridge_->send(SetTransport{member.conference, member.id, member.client.ufrag(), member.client.pwd(),
                             fingerprint.value_or(member.client.fingerprint()), features});
}

void House::announce(Member& member, std::size_t layers) {
  if (member.ssrcs.audio == 0) {
    member.ssrcs.audio = next_ssrc_++;
    for (std::size_t i = 0; i < layers; ++i) {
      member.ssrcs.video.push_back({next_ssrc_, next_ssrc_ + 1});
      next_ssrc_ += 2;
    }
  }
  std::vector<Source> sources = {
      {member.id + "-a0", Media::audio, VideoType::camera, {{member.ssrcs.audio, 0}}}};
  if (!member.ssrcs.video.empty()) {
    sources.push_back({member.id + "-v0", Media::video, VideoType::camera, member.ssrcs.video});
  }
  bridge_->send(SetSources{member.conference, member.id, sources});
}

void House::open_channel(Member& member) { bridge_->send(ChannelOpened{member.conference, member.id}); }

void House::say(Member& member, const std::string& text) {
  bridge_->send(ChannelFrame{member.conference, member.id, text});
}

Member& House::join(const std::string& conference, const std::string& id, std::size_t layers) {
  Member& member = enter(conference, id);
  member.client.connect(member.allocated);
  set_transport(member);
  announce(member, layers);
  open_channel(member);
  REQUIRE(until([&] { return member.client.connected() && state_of(member) == EndpointState::connected; }));
  return member;
}

void House::want_video(Member& member, int height) {
  say(member, R"({"colibriClass":"ReceiverVideoConstraints","defaultConstraints":{"maxHeight":)" +
                  std::to_string(height) + "}}");
}

bool House::until(const std::function<bool()>& done, Duration within) {
  const TimePoint deadline = Clock::now() + within;
  for (;;) {
    turn();
    if (done()) return true;
    if (Clock::now() > deadline) return false;
    pollfd waiting{bridge_->event_fd(), POLLIN, 0};
    ::poll(&waiting, 1, 1);
  }
}

void House::turn() {
  for (const auto& member : members_) member->client.turn();
  for (Event& event : bridge_->poll_events(Clock::now())) events.push_back(std::move(event));
}

double House::metric(const std::string& name) const {
  const std::string text = registry_.text();
  const std::size_t at = text.find("\n" + name + " ");
  return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size() + 2));
}

std::vector<std::string> House::frames_to(const Member& member) const {
  std::vector<std::string> out;
  for (const Event& event : events) {
    const auto* frame = std::get_if<ChannelFrame>(&event);
    if (frame && frame->conference == member.conference && frame->endpoint == member.id)
      out.push_back(frame->text);
  }
  return out;
}

bool House::got_frame(const Member& member, const std::string& part) const {
  for (const std::string& text : frames_to(member)) {
    if (text.find(part) != std::string::npos) return true;
  }
  return false;
}

std::optional<EndpointState> House::state_of(const Member& member) const {
  std::optional<EndpointState> state;
  for (const Event& event : events) {
    const auto* changed = std::get_if<EndpointChanged>(&event);
    if (changed && changed->conference == member.conference && changed->endpoint == member.id)
      state = changed->state;
  }
  return state;
}

}  // namespace roomgate::test
