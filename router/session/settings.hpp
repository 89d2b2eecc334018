// What a session goes by: immutable, one copy per core, replaced as a whole by a reload. main fills it from
// conf/.
#pragma once

#include <memory>
#include <string>

#include "base/clock.hpp"
#include "router/h2/limits.hpp"
#include "router/http/types.hpp"
#include "router/region/locator.hpp"
#include "router/room/room_key.hpp"
#include "router/room/url_map.hpp"
#include "router/route/route.hpp"
#include "router/tunnel/tunnel.hpp"
#include "router/upstream/pool.hpp"

namespace roomgate::router::session {

struct Limits {
  std::uint64_t max_body_bytes = std::uint64_t{1} << 30;
  std::size_t max_interim_answers = 16;
  // A body that arrives more slowly than this, after a start of that long, is an attack on our memory.
  std::uint64_t min_body_bytes_per_second = 64;
  Duration min_rate_after = seconds(30);
  std::size_t max_tunnels_per_room = 2000;  // 0: as many as come
  std::uint32_t queue_per_shard = 1000;     // requests that wait for one of a shard's max_connections
  std::size_t max_relocations = 2;          // other shards tried for one request
  // After an answer that leaves the request unread: so much is still taken, so that the answer is not lost in
  // a reset.
  std::size_t linger_bytes = 1024 * 1024;
  Duration linger = seconds(2);
};

struct Timeouts {
  Duration handshake = seconds(10);
  Duration request = seconds(10);     // the whole head
  Duration keep_alive = seconds(60);  // between requests
  Duration client = seconds(60);      // silence of a client in the middle of something
  Duration server = seconds(90);      // silence of a shard
  Duration queue = seconds(5);        // for one of a shard's max_connections
};

struct Settings {
  http::Limits head;
  h2::Limits http2;
  Limits limits;
  Timeouts timeouts;
  room::KeySettings key;
  room::UrlMap urls;
  route::Settings route;
  std::string region;  // this gate's own
  // The client's: X-Proxy-Region, and where its new rooms go.
  std::shared_ptr<const region::Locator> locator = std::make_shared<const region::Locator>();
  bool debug_headers = false;
  bool full_addresses = false;
  upstream::Limits upstream;
  tunnel::Limits tunnel;
};

}  // namespace roomgate::router::session
