// A call of two across a simulated link, without sockets and by seeds: the product's conference, allocation,
// forwarder, key-frame requests, RTX and estimator, put together as a worker does it, between a sender and a
// receiver that behave as browsers do. What is simulated is the way from the bridge to the receiver.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "sfu/bridge/conference.hpp"
#include "sfu/bridge/endpoint.hpp"
#include "sfu/congestion/transport_cc_collector.hpp"
#include "tests/sfu/bridge/simulation/camera.hpp"
#include "tests/sfu/bridge/simulation/viewer.hpp"
#include "tests/sfu/congestion/simulation/link.hpp"

namespace roomgate::test {

struct CallModel {
  LinkModel link;
  CameraModel camera;
  bool audio = true;
  Duration joins{};  // the receiver, while the sender is there from the beginning
};

class Call {
 public:
  Call(CallModel model, std::uint32_t seed);
  void run(Duration until);

  const std::vector<Viewer::Shown>& shown() const { return viewer_.shown(); }
  const std::vector<Duration>& heard() const { return heard_; }  // when audio arrived
  struct Sample {
    Duration at{};
    double estimate = 0;
    int target = -1;  // the layer given
    int layer = -1;   // the one being forwarded
  };
  const std::vector<Sample>& samples() const { return samples_; }  // each 100 ms

 private:
  struct Kept {  // for RTX
    sfu::forward::VideoPacket packet;
    TimePoint at{};
  };
  struct Sent {  // by transport-wide number
    enum class Kind : std::uint8_t { padding, audio, video } kind = Kind::padding;
    ViewerPacket video;
  };
  struct Answer {  // on its way from the receiver
    Duration at{};
    std::vector<std::uint8_t> feedback;
    std::vector<std::uint16_t> nacks;
    bool keyframe = false;
    std::optional<Duration> round_trip;
  };

  void turn(Duration at);
  // ---- the bridge
  void on_media(const sfu::forward::VideoPacket& packet);
  void on_answer(const Answer& answer);
  void send_again(std::uint16_t sequence);
  void tick(bool slow);
  void review();
  void allocate();
  void ask_for_keyframe();
  void send(const Sent& sent, std::size_t bytes);
  // ---- the receiver
  void deliver(const Datagram& datagram);
  void answer(Duration at);

  sfu::bridge::BridgeLimits limits_;
  std::vector<sfu::bridge::ConferenceKey> due_;
  sfu::bridge::Conference conference_;
  sfu::bridge::Endpoint receiver_;
  sfu::bridge::SourceState* source_ = nullptr;
  std::array<std::deque<Kept>, 3> history_;

  CallModel model_;
  Link link_;
  Camera camera_;
  Viewer viewer_;
  sfu::congestion::TransportCcCollector arrivals_;
  std::vector<Sent> sent_ = std::vector<Sent>(65536);
  std::deque<Answer> answers_;
  Duration at_{};
  TimePoint now_{};
  Duration next_tick_{};
  Duration next_slow_{};
  Duration next_audio_{};
  Duration next_report_{};
  Duration last_trip_{};
  std::vector<Duration> heard_;
  std::vector<Sample> samples_;
};

}  // namespace roomgate::test
