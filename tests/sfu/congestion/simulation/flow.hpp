// One receiver's media across a simulated link: the estimator under test on our side, on the other a receiver
// that answers with transport-wide feedback as the product writes it, through its own writer and reader.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "sfu/congestion/bandwidth_estimator.hpp"
#include "sfu/congestion/transport_cc_collector.hpp"
#include "tests/sfu/congestion/simulation/link.hpp"

namespace roomgate::test {

struct FlowModel {
  // The media rates there are, lowest first. Empty: media follows the estimate, as an encoder would.
  std::vector<double> layers;
  double goal = 20e6;        // what the receiver could use
  double audio = 40e3;       // always sent
  double feedback_loss = 0;  // on the way back
  Duration from{};           // starts so late
  // A receiver that lies changes what it says of its packets: number, arrival.
  std::function<Duration(std::uint16_t, Duration)> lie;
  bool claims_all = false;  // says that lost packets arrived
};

class Flow {
 public:
  Flow(FlowModel model, int index, Link& link, std::uint32_t seed);

  void turn(Duration now);
  void deliver(const Datagram& datagram);

  struct Sample {
    Duration at{};
    double estimate = 0;
    double media = 0;   // the rate being sent
    Duration queued{};  // the worst of the interval
  };
  const std::vector<Sample>& samples() const { return samples_; }
  const std::vector<Duration>& queued() const { return queued_; }  // of each packet that came
  double estimate() const { return estimator_.estimate().value_or(0); }
  std::uint64_t received_bytes() const { return received_bytes_; }
  std::uint64_t padding_bytes() const { return padding_bytes_; }
  sfu::congestion::BandwidthEstimator& estimator() { return estimator_; }

 private:
  void send(std::size_t bytes, Duration now);
  void send_media(Duration now);
  void send_padding(Duration now);
  void choose_rate(Duration now);
  void build_feedback(Duration now);
  void read_feedback(Duration now);

  FlowModel model_;
  int index_;
  Link& link_;
  std::mt19937 random_;
  sfu::congestion::BandwidthEstimator estimator_;
  sfu::congestion::TransportCcCollector collector_;
  struct Report {
    Duration at{};
    std::vector<std::uint8_t> bytes;
  };
  std::deque<Report> reports_;  // on the way back
  Duration next_frame_;
  Duration next_audio_;
  Duration next_step_;
  Duration next_sample_;
  Duration hold_until_{};
  std::size_t layer_ = 0;
  double media_ = 0;
  unsigned frames_ = 0;
  std::vector<Sample> samples_;
  std::vector<Duration> queued_;
  Duration worst_{};
  std::uint64_t received_bytes_ = 0;
  std::uint64_t padding_bytes_ = 0;
};

// The network and those who share it, turned together.
class Simulation {
 public:
  Simulation(LinkModel link, std::vector<FlowModel> flows, std::uint32_t seed);
  void run(Duration until);
  Flow& flow(std::size_t i = 0) { return *flows_[i]; }
  Duration now() const { return now_; }
  Link& link() { return link_; }

 private:
  Link link_;
  std::vector<std::unique_ptr<Flow>> flows_;
  Duration now_{};
};

}  // namespace roomgate::test
