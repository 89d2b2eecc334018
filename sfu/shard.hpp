// A whole shard in one process: bridge, focus, XMPP and web, put together and kept going on one io_context
// (the signalling thread). main.cpp owns it. Media runs on the bridge's own threads.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/metrics.hpp"
#include "conf/shard.hpp"
#include "sfu/bridge/bridge.hpp"
#include "sfu/focus/focus.hpp"
#include "sfu/web/channel_sockets.hpp"
#include "sfu/web/server/server.hpp"
#include "sfu/web/site.hpp"
#include "sfu/web/static_files.hpp"
#include "sfu/web/xmpp_sockets.hpp"
#include "sfu/xmpp/metrics.hpp"
#include "sfu/xmpp/server.hpp"

namespace roomgate::sfu {

class Shard {
 public:
  // The error is a line for the operator: an address in use, a folder that is not there.
  static Result<std::unique_ptr<Shard>, std::string> start(boost::asio::io_context& context,
                                                           const conf::Shard& settings);
  ~Shard();

  const Address& address() const { return address_; }
  // SIGTERM: no new rooms; the io_context ends when the last conference has, or after shutdown.grace. A
  // second call ends at once.
  void drain_and_stop();

 private:
  Shard(boost::asio::io_context& context, const conf::Shard& settings,
        std::unique_ptr<metrics::Registry> registry, std::unique_ptr<bridge::Bridge> bridge);

  void set_draining(bool on);
  void wait_for_bridge();
  void on_bridge_events();
  void schedule_tick();
  void on_tick(TimePoint now);
  // Once a second: what moves slowly.
  void on_second(TimePoint now);
  std::string broken() const;
  void stop();

  boost::asio::io_context& context_;
  const conf::Shard settings_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<bridge::Bridge> bridge_;
  web::XmppSockets xmpp_sockets_;
  xmpp::Server xmpp_;
  xmpp::Metrics xmpp_metrics_;
  focus::Focus focus_;
  web::ChannelSockets channels_;
  web::StaticFiles files_;
  web::ShardSite site_;
  web::Server server_;
  boost::asio::posix::stream_descriptor bridge_events_;
  boost::asio::steady_timer timer_;
  Address address_;
  TimePoint next_second_{};
  TimePoint last_bridge_news_{};
  TimePoint stop_at_ = TimePoint::max();
  bool draining_ = false;
};

}  // namespace roomgate::sfu
