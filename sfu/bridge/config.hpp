// What a bridge is told at its start, and every bound it keeps. A value; read-only afterwards, so any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "sfu/bridge/backlog.hpp"
#include "sfu/bridge/channel_messages.hpp"
#include "sfu/bridge/last_n_limit.hpp"
#include "sfu/bridge/sender_allowance.hpp"
#include "sfu/bridge/stress.hpp"
#include "sfu/congestion/bandwidth_estimator.hpp"
#include "sfu/congestion/remb_target.hpp"
#include "sfu/receive/dominant_speaker.hpp"
#include "sfu/receive/keyframe_requester.hpp"
#include "sfu/receive/loudest_few.hpp"
#include "sfu/receive/nack_generator.hpp"
#include "sfu/receive/packet_ring.hpp"
#include "sfu/send/rtx_sender.hpp"
#include "sfu/transport/handshake_thread.hpp"
#include "sfu/transport/ice.hpp"
#include "sfu/transport/srtp.hpp"

namespace roomgate::sfu::bridge {

// SSRCs of ours towards a client that lets us own them: so many sources of a kind at once.
struct RewritingLimits {
  std::size_t voices = 12;  // at least those that are on air at once
  std::size_t videos = 32;
  Duration grace = milliseconds(200);  // for the client to get ready for an SSRC it never heard of
  Duration tell_again = seconds(1);    // when it is not known whether its map was written
};

struct BridgeLimits {
  std::size_t max_workers = 32;
  std::size_t max_conferences = 2000;
  std::size_t max_endpoints = 4000;
  std::size_t max_endpoints_per_conference = 500;
  std::size_t max_sources_per_endpoint = 20;
  std::size_t max_layers_per_source = 4;
  std::size_t max_candidates = 16;
  std::size_t max_previous_speakers = 10;

  // A worker with more endpoints, or busier, gets no further endpoints while another one is idler.
  std::size_t worker_endpoints = 300;
  double worker_busy = 0.7;

  std::size_t command_queue = 8192;     // signalling -> a worker
  std::size_t command_backlog = 65536;  // kept on the signalling side while that is full
  std::size_t event_queue = 8192;       // a worker -> signalling
  std::size_t crossing_queue = 4096;    // worker -> worker
  std::size_t events_per_poll = 4096;
  // RTP from unknown addresses that is held against the endpoints' SSRCs and keys, per worker.
  double moved_tries_per_second = 50;
  double moved_tries_burst = 20;
  std::size_t datagrams_per_turn = 256;  // before timers and commands get their turn
  std::size_t packet_buffers = 65536;    // of 2 KiB, per worker

  Duration lower_sender_after = seconds(5);    // SenderSourceConstraints go up at once, down after this
  Duration tell_downlink_every = seconds(10);  // ConnectionStats
  Duration stress_interval = seconds(2);
  Duration report_interval = seconds(2);  // of each endpoint's traffic

  StressLimits stress;
  LastNLimits last_n;
  BacklogLimits backlog;
  SenderLimits sender;

  // Those of the parts, handed on.
  ChannelLimits channel;
  transport::IceLimits ice;
  transport::HandshakeLimits handshakes;
  transport::SrtpLimits srtp;
  receive::NackGenerator::Limits nack;
  receive::PacketRing::Limits history;
  receive::KeyframeRequester::Limits keyframes;
  receive::DominantSpeaker::Limits speakers;
  receive::LoudestFew::Limits loudest;
  RewritingLimits rewriting;
  send::RtxSender::Limits rtx;
  congestion::RembLimits remb;            // towards senders
  congestion::EstimatorLimits estimator;  // of receivers' paths
};

// ADDR[:PORT] of --media-advertise. With a port, worker w is advertised at port + w, as the sockets
// themselves are.
struct Advertised {
  std::string ip;
  std::uint16_t port = 0;  // 0: the worker's own
  static std::optional<Advertised> parse(std::string_view text);
};

struct BridgeConfig {
  std::string name = "shard";
  std::string region;
  std::string version = "roomgate";
  std::size_t workers = 1;
  std::string bind_ip = "::";  // "::" is both families
  std::uint16_t port = 0;      // worker w binds port + w; 0: free ports
  std::vector<Advertised> advertise;
  int socket_buffer = 8 * 1024 * 1024;
  BridgeLimits limits;
};

}  // namespace roomgate::sfu::bridge
