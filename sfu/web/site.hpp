// The paths of a shard (contract.md, roomshard): which request gets which answer. Sans-I/O: requests in,
// answers out. Signalling thread.
#pragma once

#include <functional>
#include <string>

#include "base/metrics.hpp"
#include "base/network.hpp"
#include "sfu/bridge/control/report.hpp"
#include "sfu/focus/focus.hpp"
#include "sfu/web/channel_sockets.hpp"
#include "sfu/web/static_files.hpp"
#include "sfu/web/types.hpp"
#include "sfu/web/xmpp_sockets.hpp"
#include "sfu/xmpp/server.hpp"

namespace roomgate::sfu::web {

struct SiteConfig {
  std::string shard;
  std::string region;
  xmpp::Domains domains;
  Networks trusted;
  std::string public_url;
  std::string admin_token;
};

class ShardSite final : public Site {
 public:
  struct Parts {
    xmpp::Server& xmpp;
    focus::Focus& focus;
    XmppSockets& xmpp_sockets;
    ChannelSockets& channels;
    const StaticFiles& files;
    const metrics::Registry& metrics;
    std::function<void(bool)> set_draining;
    std::function<std::string()> broken;  // why the shard cannot work; empty: it can
    std::function<bridge::BridgeReport()> media = [] {
      return bridge::BridgeReport();
    };  // how everybody fares
  };
  ShardSite(SiteConfig config, Parts parts) : config_(std::move(config)), parts_(std::move(parts)) {}

  Response respond(const Request& request) override;
  Upgrade upgrade(const Request& request) override;
  Response refuse(unsigned status, std::string reason) override;

 private:
  Response dispatch(const Request& request);
  Response health() const;
  Response rooms(const Request& request) const;
  Response stats(const Request& request) const;
  Response drain(const Request& request, bool on);
  Response conference_request(const Request& request);
  Response client_config() const;
  Upgrade upgrade_xmpp(const Request& request);
  Upgrade upgrade_channel(const Request& request);
  // Every answer says which shard it is from (jitsi-signalling 1.5).
  void add_common_headers(Headers& headers) const;

  SiteConfig config_;
  Parts parts_;
};

// One line of GET /about/rooms?watch=1.
std::string room_event_line(bool created, const xmpp::RoomCensus& room);

}  // namespace roomgate::sfu::web
