#include "router/room/url_map.hpp"

#include <doctest.h>

#include <array>

using namespace roomgate::router::room;

namespace {

std::string_view text_of(PathKind kind) {
  switch (kind) {
    case PathKind::signalling: return "signalling";
    case PathKind::unlock: return "unlock";
    case PathKind::page: return "page";
    case PathKind::asset: return "asset";
    case PathKind::named_shard: return "named_shard";
    case PathKind::shard_socket: return "shard_socket";
    case PathKind::health: return "health";
    case PathKind::refused: return "refused";
  }
  return "";
}

struct Case {
  std::string_view path;
  std::string_view query;
  std::string_view kind;
  std::string_view tenant = "";
  std::string_view room = "";
  std::string_view shard = "";
};

}  // namespace

TEST_CASE("knows the paths of a sharded deployment") {
  static constexpr std::array<Case, 77> kCases = {{
      {"/room", "", "page", "", "room"},
      {"/tenant/room", "", "page", "tenant", "room"},
      {"/a/b/c", "", "page", "a", "c"},
      {"/room/", "", "page", "", "room"},
      {"/some.room", "", "page", "", "some.room"},
      {"/fonts", "", "page", "", "fonts"},
      {"/xmpp-websocket", "room=r", "signalling"},
      {"/tenant/xmpp-websocket", "room=r", "signalling", "tenant"},
      {"/http-bind", "room=r", "signalling"},
      {"/tenant/http-bind", "", "signalling", "tenant"},
      {"/conference-request/v1", "room=r", "signalling"},
      {"/tenant/conference-request/v1", "room=r", "signalling", "tenant"},
      {"/config.js", "room=r", "signalling"},
      {"/tenant/config.js", "room=r", "signalling", "tenant"},
      {"/config.js", "", "asset"},
      {"/room", "room=r", "signalling"},
      {"/tenant/room-size", "room=r", "signalling", "tenant"},
      {"/room-size", "", "page", "", "room-size"},
      {"/room-password", "room=r", "signalling"},
      {"/kick-participant", "room=r", "signalling"},
      {"/tenant/end-meeting", "room=r", "signalling", "tenant"},
      {"/tenant/_api/room-info", "room=r", "signalling", "tenant"},
      {"/_unlock", "room=r", "unlock"},
      {"/tenant/_unlock", "room=r", "unlock", "tenant"},
      {"/colibri-ws/shard-0/c/e", "pwd=x", "named_shard", "", "", "shard-0"},
      {"/colibri-ws/shard-0.bridge-1/c/e", "", "named_shard", "", "", "shard-0.bridge-1"},
      {"/colibri-relay-ws/shard-1/c", "", "named_shard", "", "", "shard-1"},
      {"/colibri-ws", "", "refused"},
      {"/v1/_ws/shard-1/xmpp-websocket", "room=r&tenant=t", "shard_socket", "", "", "shard-1"},
      {"/v1/_ws/shard-1", "", "refused", "", "", "shard-1"},
      {"/v1/_jaas/x", "", "asset"},
      {"/v1/_cdn/123/libs/x.js", "", "asset"},
      {"/", "", "asset"},
      {"*", "", "asset"},
      {"/libs/app.bundle.min.js", "", "asset"},
      {"/tenant/libs/app.js", "", "asset"},
      {"/css/all.css", "", "asset"},
      {"/static/welcomePageAdditionalContent", "", "asset"},
      {"/images/x", "", "asset"},
      {"/fonts/x", "", "asset"},
      {"/lang/main-de", "", "asset"},
      {"/sounds/ring", "", "asset"},
      {"/connection_optimization/x", "", "asset"},
      {"/.well-known/acme-challenge/token", "", "asset"},
      {"/external_api.js", "", "asset"},
      {"/external_api.min.js", "", "asset"},
      {"/interface_config.js", "", "asset"},
      {"/favicon.ico", "", "asset"},
      {"/manifest.json", "", "asset"},
      {"/pwa-worker.js", "", "asset"},
      {"/robots.txt", "", "asset"},
      {"/close3.html", "", "asset"},
      {"/dialininfo.html", "", "asset"},
      {"/apple-app-site-association", "", "asset"},
      {"/assetlinks.json", "", "asset"},
      {"/etherpad/p/x", "", "asset"},
      {"/socket.io/", "", "asset"},
      {"/.js", "", "page", "", ".js"},
      {"/about/health", "", "health"},
      {"/_health", "", "health"},
      {"/about", "", "refused"},
      {"/about/rooms", "", "refused"},
      {"/about/health/x", "", "refused"},
      {"/metrics", "", "refused"},
      {"/stats", "", "refused"},
      {"/room-census", "", "refused"},
      {"/colibri/conferences", "", "refused"},
      {"/debug", "", "refused"},
      {"/debug/pprof/x", "", "refused"},
      {"/debugging", "", "refused"},
      {"/tenant/about/health", "", "refused"},
      {"/a/b/colibri/stats", "", "refused"},
      {"/tenant/room-census", "", "refused"},
      {"/1/2/3/4/5/6/7/8/9/room-census", "", "refused"},
      {"/tenant/stats", "", "page", "tenant", "stats"},
      {"/tenant/about", "", "page", "tenant", "about"},
      {"/1/2/3/4/5/6/7/8/9/xmpp-websocket", "room=r", "signalling", "1"},
  }};
  const UrlMap map;
  for (const Case& c : kCases) {
    const PathInfo info = map.classify(c.path, c.query);
    INFO("path: ", std::string(c.path), " query: ", std::string(c.query));
    CHECK(text_of(info.kind) == c.kind);
    CHECK(info.tenant == c.tenant);
    CHECK(info.room == c.room);
    CHECK(info.shard == c.shard);
  }
}

TEST_CASE("can be extended in settings") {
  UrlSettings settings;
  settings.signalling = {"my-api", "other/v2"};
  settings.assets = {"branding"};
  settings.expose = {"/about/version", "/metrics"};
  const UrlMap map(settings);

  CHECK(map.classify("/tenant/my-api", "").kind == PathKind::signalling);
  CHECK(map.classify("/tenant/other/v2", "").tenant == "tenant");
  CHECK(map.classify("/branding/logo", "").kind == PathKind::asset);
  CHECK(map.classify("/metrics", "").kind == PathKind::asset);
  CHECK(map.classify("/about/version", "").kind == PathKind::asset);
  CHECK(map.classify("/about/versions", "").kind == PathKind::refused);
  CHECK(map.classify("/about/health", "").kind == PathKind::health);
}
