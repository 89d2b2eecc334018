// One media worker: a thread with its own poll loop, its own UDP port and the endpoints that were given to
// it (shard.md 1 to 3). Commands come and events go through one bounded queue each; packets for receivers on
// other workers cross through rings. The steps of a packet stand in packet_path.cpp, those of RTCP in
// feedback_path.cpp; worker.cpp has the loop, the commands and the timers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/rate_limit.hpp"
#include "sfu/bridge/conference.hpp"
#include "sfu/bridge/config.hpp"
#include "sfu/bridge/crossing.hpp"
#include "sfu/bridge/endpoint.hpp"
#include "sfu/bridge/last_n_limit.hpp"
#include "sfu/bridge/messages.hpp"
#include "sfu/bridge/metrics.hpp"
#include "sfu/bridge/queue.hpp"
#include "sfu/bridge/stress.hpp"
#include "sfu/bridge/udp_socket.hpp"
#include "sfu/rtp/extensions.hpp"
#include "sfu/rtp/packet.hpp"
#include "sfu/rtp/packet_buffer.hpp"
#include "sfu/rtp/red.hpp"
#include "sfu/rtp/rtcp.hpp"
#include "sfu/rtp/transport_feedback.hpp"
#include "sfu/send/send_batch.hpp"
#include "sfu/send/write_packet.hpp"
#include "sfu/transport/handshake_thread.hpp"
#include "sfu/transport/stun.hpp"

namespace roomgate::sfu::bridge {

// What all workers of a bridge share; outlives them.
struct WorkerEnvironment {
  const BridgeLimits& limits;
  Crossings& crossings;
  transport::HandshakeThread& handshakes;
  BridgeMetrics& metrics;
  Wakeup& signalling;            // wakes the signalling thread
  std::uint32_t audio_ssrc = 0;  // whom our RTCP comes from
  std::uint32_t video_ssrc = 0;
};

class Worker {
 public:
  Worker(std::size_t index, UdpSocket socket, const WorkerEnvironment& environment);
  ~Worker();  // stops and joins
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();

  // ---- signalling thread
  bool push(WorkerCommand&& command) { return commands_.push(std::move(command)); }
  void flush() { commands_.flush(); }
  template <class F>
  std::size_t drain_events(std::size_t limit, F&& each) {
    return events_.drain(limit, std::forward<F>(each));
  }
  const Address& bound() const { return bound_; }
  // The share of the last second that was spent working.
  double busy() const { return busy_.load(std::memory_order_relaxed); }
  double stress() const { return stress_told_.load(std::memory_order_relaxed); }
  // How many videos a receiver gets at most for now; negative: as many as it wants.
  int last_n_limit() const { return last_n_told_.load(std::memory_order_relaxed); }

 private:
  // Of one feedback packet: more than a client has to tell of 100 ms at 200 Mbit/s.
  static constexpr std::size_t kMaxFeedbackStatuses = 2048;

  // A received RTP packet in clear, read once, shown to every receiver.
  struct Media {
    const rtp::RtpPacketView& packet;
    SourceState& source;
    std::size_t layer = 0;
    forward::VideoPacket video;          // video only
    std::optional<rtp::RedPrimary> red;  // a voice in RED
    bool forwarded = false;              // somebody got it
  };

  // ---- packet_path.cpp: receiving
  void receive_batch();
  void on_datagram(rtp::PacketHandle& packet, const Path& path);
  void on_stun(ByteView datagram, const Path& path);
  void on_dtls(ByteView datagram, const Path& path);
  void on_rtp(rtp::PacketHandle& packet, const Path& path);
  bool may_send(Endpoint& sender);
  Endpoint* find_moved(const rtp::PacketBuffer& packet);
  bool open_rtp(Endpoint& sender, rtp::PacketBuffer& packet, const Path& path, bool known_address);
  bool note_arrival(Endpoint& sender, const rtp::PacketBuffer& packet);
  IncomingStream* find_source(Endpoint& sender, rtp::PacketBuffer& packet, bool& recovered);
  void count_and_repair(IncomingStream& stream, const rtp::PacketBuffer& packet, bool recovered);
  void cross(Conference& conference, const SourceState& source, std::size_t layer,
             const rtp::PacketBuffer& packet);
  void distribute(Conference& conference, SourceState& source, std::size_t layer, rtp::PacketHandle packet);

  // ---- packet_path.cpp: sending
  void forward_audio(Media& media, bool on_air);
  void forward_video(Media& media);
  static send::Edit edit_of(const forward::Projected& projected) {
    return {projected.picture, projected.descriptor, projected.empty};
  }
  bool send_media(Endpoint& receiver, const Media& media, const rtp::OutgoingHeader& header,
                  const send::Edit& edit);
  ByteSpan reserve(Endpoint& receiver, std::size_t size);
  void seal_batch();
  void flush_batch();

  // ---- feedback_path.cpp
  void on_rtcp(rtp::PacketBuffer& packet, const Path& path);
  void on_sender_report(Endpoint& sender, const rtp::SenderReport& report);
  void forward_sender_report(SourceState& source, std::size_t layer, const rtp::SenderReport& report);
  void on_report_blocks(Endpoint& receiver, const rtp::ReportBlocks& blocks);
  void on_nack(Endpoint& receiver, const rtp::Feedback& nack);
  void send_again(VideoOut& out, SourceState& source, std::uint16_t sequence);
  void on_transport_feedback(Endpoint& receiver, const rtp::RtcpPacketView& packet);
  void send_padding(Endpoint& receiver);
  VideoOut* padding_stream(Endpoint& receiver);
  void review_downlink(Endpoint& receiver);
  void on_keyframe_wanted(Endpoint& receiver, std::uint32_t outgoing_ssrc);
  void renew_pictures(Endpoint& receiver);
  void renew_picture(Endpoint& receiver, SourceState& source);
  void ask_for_keyframes(Endpoint& receiver);
  void want_keyframe(Conference& conference, SourceState& source, std::size_t layer);
  void send_picture_loss_if_due(SourceState& source, LayerState& layer);
  void send_nacks(SourceState& source, LayerState& layer);
  void send_arrivals(Endpoint& sender);
  void send_reports(Endpoint& sender);
  void send_rtcp(Endpoint& to, ByteView clear);

  // ---- worker.cpp
  void run();
  void set_now();
  void end_turn(TimePoint began);
  void take_stock(Duration elapsed);
  void limit_videos(bool late);
  struct Ready {  // which descriptors have something
    bool media = false;
    bool commands = false;
    bool handshakes = false;
  };
  Ready wait();
  void read_commands();
  void handle(WorkerCommand& command);
  void read_handshakes();
  void read_crossings();
  void on_crossing(Crossing& crossing);
  void on_wanted(SourceState& source, std::size_t from, int height);
  void settle();
  void settle(Conference& conference);
  void tell_maps(Endpoint& endpoint, bool again);
  void review_maps(Endpoint& endpoint);
  void open_mapped(Endpoint& endpoint);
  void tell_wanted(const Conference& conference, SourceState& source, int height);
  void tick();
  void tick_endpoint(Endpoint& endpoint, bool slow);
  void tick_conference(Conference& conference);
  void tell_sender_height(SourceState& source);
  void apply_ice(Endpoint& endpoint, const Path* path);
  void take_path(Endpoint& endpoint, const Path& path);
  void update_state(Endpoint& endpoint, std::string_view reason);
  void remove_endpoint(EndpointKey key);
  void emit(WorkerEvent&& event);
  void push_crossing(std::size_t to, Crossing&& crossing);
  Conference* find_conference(ConferenceKey key);
  Endpoint* find_endpoint(EndpointKey key);
  Endpoint* find_address(const Address& remote);

  const std::size_t index_;
  const WorkerEnvironment& env_;
  const BridgeLimits& limits_;
  const Address bound_;

  rtp::PacketPool pool_;  // outlives every handle below
  UdpSocket socket_;
  send::SendBatch batch_;
  std::array<transport::CipherJob, 16>
      seals_;  // packets in the batch that are in clear yet; as many as lanes
  std::size_t seals_due_ = 0;
  std::vector<UdpSocket::Outgoing> outgoing_;
  std::array<rtp::PacketHandle, UdpSocket::kBatch> receive_packets_;
  rtp::ExtensionPolicy extensions_;
  transport::IceOutput ice_output_;
  std::vector<transport::HandshakeEvent> handshake_events_;
  std::array<rtp::PacketStatus, kMaxFeedbackStatuses> feedback_statuses_;

  Queue<WorkerCommand> commands_;
  Queue<WorkerEvent> events_;

  std::unordered_map<ConferenceKey, std::unique_ptr<Conference>> conferences_;
  std::unordered_map<EndpointKey, std::unique_ptr<Endpoint>> endpoints_;
  std::vector<Endpoint*> destinations_;  // by the number in the send batch
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  // Ufrags are ours and random, so nobody chooses what collides.
  std::unordered_map<std::string, Endpoint*, TextHash, std::equal_to<>> by_ufrag_;
  struct Known {
    Endpoint* endpoint = nullptr;
    Address local;
  };
  std::unordered_map<Address, Known> by_address_;
  TokenBucket moved_tries_;

  // Conferences that want an allocation, and those that are getting theirs.
  std::vector<ConferenceKey> due_;
  std::vector<ConferenceKey> settling_;
  TimePoint now_;
  TimePoint next_tick_{};
  TimePoint next_slow_tick_{};
  TimePoint second_began_{};
  // What happened in this second.
  Duration busy_this_second_{};
  Duration lag_this_second_{};
  std::int64_t turns_with_media_ = 0;
  std::uint64_t packets_before_ = 0;  // the second began
  TimePoint oldest_arrival_{};        // of this turn; none: nothing came
  StressMeter stress_;
  LastNLimit last_n_;
  Backlog backlog_;
  bool left_out_ = false;  // video, in this turn
  std::uint64_t left_out_before_ = 0;
  TimePoint filled_at_{};  // the senders' allowances
  WorkerCounts counts_;
  WorkerCounts published_;

  std::atomic<bool> stop_{false};
  std::atomic<double> busy_{0};
  std::atomic<double> stress_told_{0};
  std::atomic<int> last_n_told_{-1};
  std::thread thread_;
};

}  // namespace roomgate::sfu::bridge
