// A bridge with clients around it, for tests over loopback: allocates, connects and polls until something
// holds.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "sfu/bridge/bridge.hpp"
#include "tests/sfu/bridge/support/client.hpp"

namespace roomgate::test {

using sfu::bridge::Source;

// What a test member sends.
struct Ssrcs {
  std::uint32_t audio = 0;
  std::vector<sfu::bridge::Layer> video;
};

struct Member {
  explicit Member(const sfu::transport::DtlsClientOptions& dtls) : client(dtls) {}

  std::string id;
  std::string conference;
  sfu::bridge::Allocated allocated;
  MediaClient client;
  Ssrcs ssrcs;
};

struct RtpText {
  std::uint8_t payload_type = 111;
  bool marker = false;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  std::optional<std::uint8_t> level;       // extension 1
  std::optional<std::uint16_t> transport;  // extension 5
  bool mid = true;                         // extension 10
  std::vector<std::uint8_t> payload;
};
std::vector<std::uint8_t> make_rtp(const RtpText& text);
// A VP8 payload with 15-bit picture id and TL0PICIDX; the rest says `tag`.
std::vector<std::uint8_t> make_vp8(bool keyframe, std::uint16_t picture_id, std::uint8_t tl0,
                                   const std::string& tag);

class House {
 public:
  // `dtls` is how its clients shake hands.
  explicit House(sfu::bridge::BridgeConfig config = default_config(),
                 sfu::transport::DtlsClientOptions dtls = {});
  static sfu::bridge::BridgeConfig default_config();

  // Allocates an endpoint; connects nothing.
  Member& enter(const std::string& conference, const std::string& id);
  void set_transport(Member& member, sfu::bridge::Features features = {},
                     std::optional<sfu::bridge::Fingerprint> fingerprint = {});
  // Announces "ID-a0" and, with layers > 0, "ID-v0".
  void announce(Member& member, std::size_t layers = 0);
  void open_channel(Member& member);
  void say(Member& member, const std::string& text);
  // All of the above, until media can flow: connected on both sides.
  Member& join(const std::string& conference, const std::string& id, std::size_t layers = 0);
  void want_video(Member& member, int height);

  // Turns everything until `done` holds; false when it does not in time.
  bool until(const std::function<bool()>& done, Duration within = seconds(10));
  // Once: every client, then what the bridge has to say.
  void turn();

  double metric(const std::string& name_and_labels) const;
  std::vector<std::string> frames_to(const Member& member) const;
  bool got_frame(const Member& member, const std::string& part) const;
  std::optional<sfu::bridge::EndpointState> state_of(const Member& member) const;

  sfu::bridge::Bridge& bridge() { return *bridge_; }
  std::vector<sfu::bridge::Event> events;

 private:
  const sfu::transport::DtlsClientOptions dtls_;
  metrics::Registry registry_;
  std::unique_ptr<sfu::bridge::Bridge> bridge_;
  std::vector<std::unique_ptr<Member>> members_;
  std::uint64_t next_request_ = 1;
  std::uint32_t next_ssrc_ = 1000;
};

}  // namespace roomgate::test
