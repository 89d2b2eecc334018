// The media path of one participant: its socket, ICE, DTLS and SRTP, and the network it is to have. Packets
// of its tracks and receiver go in and out in clear. Owned by a participant, on its core's thread; the desk
// is the core's.
//
//   start() -> ICE -> DTLS -> Listener::on_connected; from then on packets, until close() or on_failed
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bench/roomload/media/sink.hpp"
#include "bench/roomload/network/link.hpp"
#include "bench/roomload/signal/offer.hpp"
#include "bench/roomload/signal/problem.hpp"
#include "bench/roomload/transport/dtls_client.hpp"
#include "bench/roomload/transport/ice_client.hpp"
#include "bench/roomload/transport/udp_socket.hpp"
#include "sfu/transport/srtp.hpp"

namespace roomgate::bench::roomload::transport {

struct TransportCounts {
  SocketCounts socket;
  std::uint64_t not_authentic = 0;  // SRTP that did not open
  std::uint64_t replayed = 0;       // SRTP that came twice
  std::uint64_t strange = 0;        // neither STUN nor DTLS nor RTP
};

class MediaTransport final : public media::Sink,
                             private net::Core::Watcher,
                             private TimerWheel::Timer,
                             private net::Turn {
 public:
  class Listener {
   public:
    virtual void on_connected(TimePoint now) = 0;
    virtual void on_rtp(ByteView clear, TimePoint arrival) = 0;
    virtual void on_rtcp(ByteView clear, TimePoint arrival) = 0;
    // A batch has been given out.
    virtual void on_batch(TimePoint now) = 0;
    // The last call; the listener may not destroy the transport in it.
    virtual void on_failed(signal::Problem problem) = 0;

   protected:
    ~Listener() = default;
  };

  // `network` is applied to everything but STUN, both ways.
  MediaTransport(Desk& desk, const DtlsIdentity& identity, Listener& listener,
                 const network::Profile& network, std::uint64_t seed, TransportCounts& counts);
  ~MediaTransport();

  const std::string& ufrag() const { return ice_.ufrag(); }
  const std::string& pwd() const { return ice_.pwd(); }
  void start(const signal::Offer& offer, TimePoint now);
  bool connected() const { return outbound_ != nullptr; }
  std::optional<sfu::transport::SrtpProfile> profile() const;
  bool drop_media() { return socket_.drop_media(); }
  std::uint32_t kernel_drops() const { return socket_.kernel_drops(); }
  // Says goodbye to the server.
  void close();

  // media::Sink. What is sent leaves with flush(): once after each poll of tracks and receiver.
  ByteSpan space() override;
  void send_rtp(std::size_t size) override;
  void send_rtcp(std::size_t size) override;
  void flush(TimePoint now);

 private:
  // Wakes for what the links hold.
  struct LinkTimer final : Pacer::Timed {
    explicit LinkTimer(MediaTransport& its_owner) : owner(its_owner) {}
    void on_due(TimePoint now) override { owner.run_links(now); }
    MediaTransport& owner;
  };

  void on_events(std::uint32_t events) override;
  void on_turn() override;
  void on_expire() override;
  void read(TimePoint now);
  void take(std::span<const Arrived> batch, TimePoint now);
  void give(std::span<const Arrived> batch, TimePoint now);
  void on_stun(const Arrived& datagram, TimePoint now);
  void after_ice(TimePoint now);
  void after_dtls(TimePoint now);
  void send_now(ByteView datagram, TimePoint now);
  void run_links(TimePoint now);
  void schedule_links();
  void schedule(TimePoint now);
  void fail_with(signal::ProblemKind kind, std::string text);

  Desk& desk_;
  const DtlsIdentity& identity_;
  Listener& listener_;
  TransportCounts& counts_;
  UdpSocket socket_;
  IceClient ice_;
  std::unique_ptr<DtlsClient> dtls_;
  std::unique_ptr<sfu::transport::SrtpSession> inbound_;
  std::unique_ptr<sfu::transport::SrtpSession> outbound_;
  std::string hash_;
  std::string fingerprint_;
  std::string offered_;                // the candidates, for an error's words
  std::unique_ptr<network::Link> up_;  // null: as if it were not there
  std::unique_ptr<network::Link> down_;
  LinkTimer link_timer_{*this};
  bool failed_ = false;
};

}  // namespace roomgate::bench::roomload::transport
