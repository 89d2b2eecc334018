// The signalling half of a shard put together as the program does it, without sockets and without a bridge:
// xmpp::Server, focus::Focus and web::ShardSite, with a control link that only listens.
#include "sfu/web/site.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <set>

#include "sfu/bridge/control/codec.hpp"
#include "sfu/xmpp/parser.hpp"

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::web;

namespace {

const std::string kRoom = "alpha@conference.meet.jitsi";

// Every message crosses as text, as it would to a bridge elsewhere (shard.md 4).
struct ListeningLink final : bridge::Link {
  void send(bridge::Command command) override {
    auto crossed = bridge::decode_command(bridge::encode(command));
    REQUIRE(crossed.ok());
    CHECK(*crossed == command);
    commands.push_back(std::move(*crossed));
  }
  template <class C>
  const C* last() const {
    for (auto command = commands.rbegin(); command != commands.rend(); ++command) {
      if (const C* found = std::get_if<C>(&*command)) return found;
    }
    return nullptr;
  }
  std::vector<bridge::Command> commands;
};

struct FakeSocket final : Socket {
  void send(std::string text) override { sent.push_back(std::move(text)); }
  void close(std::uint16_t with, std::string_view) override { code = with; }
  std::vector<std::string> sent;
  std::uint16_t code = 0;
};

std::string header(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "";
}

bool names_shard(const Headers& headers) {
  return header(headers, "X-Jitsi-Shard") == "shard-7" && header(headers, "X-Jitsi-Region") == "lab" &&
         header(headers, "Access-Control-Allow-Origin") == "*" &&
         header(headers, "Access-Control-Expose-Headers") == "X-Jitsi-Shard, X-Jitsi-Region";
}

Request request(std::string method, std::string target, Headers headers = {}, std::string body = "",
                const std::string& remote = "192.0.2.9:4711") {
  Request out;
  out.method = std::move(method);
  const std::size_t question = target.find('?');
  out.path = target.substr(0, question);
  if (question != std::string::npos) out.query = target.substr(question + 1);
  out.headers = std::move(headers);
  out.body = std::move(body);
  out.remote = *Address::parse(remote);
  return out;
}

constexpr EmbeddedFile kPages[] = {{"/index.html", "<p>the page</p>"}};

xmpp::Config xmpp_config() {
  xmpp::Config config;
  config.shard = "shard-7";
  config.region = "lab";
  config.unix_milliseconds = [] { return std::int64_t{1795374219414}; };
  return config;
}

struct Shard {
  Shard() : xmpp(xmpp_config(), xmpp_sockets), focus(xmpp, link, registry, focus_config()), channels(focus) {
    xmpp_sockets.set_server(xmpp);
    xmpp.set_listener(focus);
    focus.set_channel_sink(channels);
  }
  static focus::Config focus_config() {
    focus::Config config;
    config.shard = "shard-7";
    config.region = "lab";
    return config;
  }

  // Every answer of every test says which shard it is from.
  Response get(const Request& r) {
    Response response = site.respond(r);
    CHECK(names_shard(response.headers));
    return response;
  }
  Response get(const std::string& target) { return get(request("GET", target)); }
  boost::json::object json(const std::string& target) {
    const Response response = get(target);
    CHECK(response.content_type == "application/json");
    return boost::json::parse(response.body).as_object();
  }
  Upgrade upgrade(const std::string& target, Headers headers = {},
                  const std::string& remote = "192.0.2.9:4711") {
    Upgrade out = site.upgrade(request("GET", target, std::move(headers), "", remote));
    CHECK(names_shard(out.handler ? out.headers : out.refusal.headers));
    return out;
  }

  void tell(const bridge::Event& event) {
    auto crossed = bridge::decode_event(bridge::encode(event));
    REQUIRE(crossed.ok());
    focus.on_event(std::move(*crossed), Clock::now());
  }
  // What the bridge would answer to the endpoint's last allocation.
  void allocate(const std::string& endpoint) {
    for (auto command = link.commands.rbegin(); command != link.commands.rend(); ++command) {
      const auto* asked = std::get_if<bridge::Allocate>(&*command);
      if (asked == nullptr || asked->endpoint != endpoint) continue;
      tell(bridge::Allocated{.request = asked->request,
                             .conference = asked->conference,
                             .endpoint = endpoint,
                             .ufrag = "34826dc4",
                             .pwd = "58c0de8e330c394d3d7038e7",
                             .fingerprint = {"sha-256", "AB:CD"},
                             .candidates = {{"192.0.2.10", 10000, 2130706431, "1"}},
                             .channel_secret = "0123456789abcdef0123456789abcdef",
                             .bridge = "shard-7",
                             .bridge_region = "lab",
                             .audio_ssrc = 4000000002,
                             .video_ssrc = 4000000001});
      return;
    }
    FAIL("nobody asked for " << endpoint);
  }

  ListeningLink link;
  metrics::Registry registry;
  XmppSockets xmpp_sockets;
  xmpp::Server xmpp;
  focus::Focus focus;
  ChannelSockets channels;
  StaticFiles files{kPages};
  std::string broken;
  bridge::BridgeReport media;
  bool draining = false;
  ShardSite site{{.shard = "shard-7",
                  .region = "lab",
                  .domains = {},
                  .trusted = *Networks::parse({"10.0.0.0/8"}),
                  .public_url = "",
                  .admin_token = "opensesame"},
                 {.xmpp = xmpp,
                  .focus = focus,
                  .xmpp_sockets = xmpp_sockets,
                  .channels = channels,
                  .files = files,
                  .metrics = registry,
                  .set_draining =
                      [this](bool on) {
                        draining = on;
                        focus.set_draining(on);
                        xmpp.drain(on);
                      },
                  .broken = [this] { return broken; },
                  .media = [this] { return media; }}};
};

// A client as far as XMPP goes.
struct Client {
  explicit Client(Shard& owner, Headers headers = {{"Host", "meet.example"}},
                  const std::string& remote = "192.0.2.9:4711")
      : shard(owner) {
    headers.emplace_back("Sec-WebSocket-Protocol", "xmpp");
    Upgrade upgrade = shard.upgrade("/xmpp-websocket?room=alpha", headers, remote);
    REQUIRE(upgrade.handler);
    CHECK(upgrade.subprotocol == "xmpp");
    handler = std::move(upgrade.handler);
    handler->on_open(socket);
    const std::string open =
        "<open to='meet.jitsi' version='1.0' xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";
    say(open);
    say("<auth mechanism='ANONYMOUS' xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    say(open);
    say("<iq id='b' type='set' xmlns='jabber:client'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    const auto bound = xmpp::parse_stanza(socket.sent.back());
    REQUIRE(bound.ok());
    jid = bound->children().at(0)->children().at(0)->text();
    nick = jid.substr(0, 8);
  }

  void say(const std::string& text) { handler->on_text(text); }
  void join(const std::string& room = kRoom) {
    say("<iq id='c' to='focus.meet.jitsi' type='set' xmlns='jabber:client'><conference "
        "xmlns='http://jitsi.org/protocol/focus' room='" +
        room + "'/></iq>");
    say("<presence to='" + room + "/" + nick +
        "' xmlns='jabber:client'><x xmlns='http://jabber.org/protocol/muc'/></presence>");
  }
  // The last message that has `part`, parsed.
  xmpp::Element last(const std::string& part) {
    for (auto text = socket.sent.rbegin(); text != socket.sent.rend(); ++text) {
      if (text->find(part) == std::string::npos) continue;
      auto parsed = xmpp::parse_stanza(*text);
      REQUIRE(parsed.ok());
      return std::move(parsed).value();
    }
    FAIL("was never sent " << part);
    return xmpp::Element("", "");
  }
  // The <web-socket url=...> of its session-initiate.
  std::string channel_url() {
    const std::string text = last("session-initiate").serialize();
    const std::string before = "<web-socket xmlns='http://jitsi.org/protocol/colibri' url='";
    const std::size_t at = text.find(before);
    REQUIRE(at != std::string::npos);
    return text.substr(at + before.size(), text.find('\'', at + before.size()) - at - before.size());
  }

  Shard& shard;
  FakeSocket socket;
  std::unique_ptr<SocketHandler> handler;
  std::string jid;
  std::string nick;
};

// "/colibri-ws/...?pwd=..." of a channel's URL.
std::string target_of(const std::string& url) { return url.substr(url.find('/', url.find("//") + 2)); }

}  // namespace

TEST_CASE("a conference request over HTTP makes the room, and answers as jitsi-signalling 3.2 has it") {
  Shard shard;

  const Response response = shard.get(
      request("POST", "/conference-request/v1", {{"Content-Type", "application/json"}},
              R"({"machineUid":"x","properties":{"visitors-version":1},"room":")" + kRoom + R"("})"));

  CHECK(response.status == 200);
  CHECK(response.content_type == "application/json");
  const auto answer = boost::json::parse(response.body).as_object();
  CHECK(answer.at("ready").as_bool());
  CHECK(answer.at("focusJid").as_string() == "focus@auth.meet.jitsi");
  CHECK(answer.at("properties").as_object().at("authentication").as_string() == "false");
  CHECK(shard.xmpp.room_count() == 1);
  CHECK(shard.focus.conferences() == 1);
}

TEST_CASE("a conference request that cannot be read is told so") {
  Shard shard;
  for (const char* body : {"", "{", "[]", R"({"room":7})", R"({"room":"alpha@elsewhere.example"})"}) {
    CAPTURE(body);
    const Response response = shard.get(request("POST", "/conference-request/v1", {}, body));
    CHECK(response.status >= 400);
    CHECK(response.status < 500);
  }
  CHECK(shard.xmpp.room_count() == 0);
}

TEST_CASE("pages of other origins may make conference requests") {
  Shard shard;

  const Response preflight = shard.get(request("OPTIONS", "/conference-request/v1",
                                               {{"Origin", "https://elsewhere.example"},
                                                {"Access-Control-Request-Method", "POST"},
                                                {"Access-Control-Request-Headers", "content-type"}}));

  CHECK(preflight.status == 204);
  CHECK(preflight.body.empty());
  CHECK(header(preflight.headers, "Access-Control-Allow-Methods").find("POST") != std::string::npos);
  CHECK(header(preflight.headers, "Access-Control-Allow-Headers").find("content-type") != std::string::npos);
  const Response wrong = shard.get("/conference-request/v1");
  CHECK(wrong.status == 405);
  CHECK(header(wrong.headers, "Allow") == "POST, OPTIONS");
}

TEST_CASE("a plain GET of the socket's path, and unlocking, are answered 200, behind a tenant too") {
  Shard shard;
  for (const char* path : {"/xmpp-websocket", "/xmpp-websocket?room=alpha", "/school/xmpp-websocket",
                           "/_unlock?room=alpha", "/school/_unlock", "/v1/_ws/shard-7/xmpp-websocket"}) {
    CAPTURE(path);
    CHECK(shard.get(path).status == 200);
  }
}

TEST_CASE("every answer carries X-Jitsi-Shard and X-Jitsi-Region, whatever it is") {
  Shard shard;  // get() checks
  for (const char* path : {"/", "/alpha", "/a/b/c/nothing", "/../etc/passwd", "/about/health", "/about/rooms",
                           "/about/rooms?watch=1", "/about/stats", "/about/drain", "/metrics", "/config.json",
                           "/colibri-ws/shard-7/x/y?pwd=z", "/conference-request/v1"}) {
    CAPTURE(path);
    for (const char* method : {"GET", "HEAD", "POST", "OPTIONS", "DELETE"}) shard.get(request(method, path));
  }
  const Response refusal = shard.site.refuse(431, "too long");
  CHECK(names_shard(refusal.headers));
  CHECK(refusal.status == 431);
  CHECK(refusal.body == "too long\n");
}

TEST_CASE("a WebSocket that does not speak XMPP, or goes nowhere, is refused") {
  Shard shard;  // upgrade() checks the headers

  CHECK(shard.upgrade("/xmpp-websocket").refusal.status == 400);
  CHECK(shard.upgrade("/xmpp-websocket", {{"Sec-WebSocket-Protocol", "mqtt, xmpp2"}}).refusal.status == 400);
  CHECK(shard.upgrade("/xmpp-websocket", {{"Sec-WebSocket-Protocol", "mqtt , xmpp"}}).handler);
  CHECK(shard.upgrade("/", {{"Sec-WebSocket-Protocol", "xmpp"}}).refusal.status == 404);
  CHECK(shard.upgrade("/colibri-ws/shard-7").refusal.status == 404);
}

TEST_CASE("pitfall 2: the focus' item jid is the focusjid of the answer with a resource") {
  Shard shard;
  Client client(shard);

  client.join();

  const xmpp::Element answer = client.last("focusjid=");
  const std::string focusjid = std::string(answer.children().at(0)->attribute_or("focusjid", ""));
  CHECK(focusjid.find('/') == std::string::npos);
  const std::string presence = client.last("from='" + kRoom + "/focus'").serialize();
  CHECK(presence.find("<item jid='" + focusjid + "/") != std::string::npos);
}

TEST_CASE("shard rule 8: the channel's address is made per client from its own request") {
  Shard shard;
  Client direct(shard, {{"Host", "direct.example:8080"}, {"X-Forwarded-Host", "evil.example"}});
  direct.join();
  shard.allocate(direct.nick);

  const std::string url = direct.channel_url();

  CHECK(url.starts_with("ws://direct.example:8080/colibri-ws/shard-7/"));
  CHECK(url.ends_with("/" + direct.nick + "?pwd=0123456789abcdef0123456789abcdef"));

  Client through_door(
      shard, {{"Host", "shard-7:8080"}, {"X-Forwarded-Host", "meet.example"}, {"X-Forwarded-Proto", "https"}},
      "10.1.2.3:99");
  through_door.join();
  shard.allocate(through_door.nick);
  CHECK(through_door.channel_url().starts_with("wss://meet.example/colibri-ws/shard-7/"));
}

TEST_CASE(
    "pitfall 19: the channel opens with the right pwd from the session-initiate on, before any answer") {
  Shard shard;
  Client client(shard);
  client.join();
  shard.allocate(client.nick);
  const std::string target = target_of(client.channel_url());

  Upgrade upgrade = shard.upgrade(target);
  REQUIRE(upgrade.handler);
  FakeSocket socket;
  upgrade.handler->on_open(socket);
  upgrade.handler->on_text(R"({"colibriClass":"ClientHello"})");

  const auto is = [&](const auto* command) { return command != nullptr && command->endpoint == client.nick; };
  CHECK(is(std::get_if<bridge::ChannelOpened>(&shard.link.commands.at(shard.link.commands.size() - 2))));
  const auto* frame = std::get_if<bridge::ChannelFrame>(&shard.link.commands.back());
  REQUIRE(is(frame));
  CHECK(frame->text == R"({"colibriClass":"ClientHello"})");
  shard.tell(bridge::ChannelFrame{frame->conference, client.nick, "{}"});
  CHECK(socket.sent == std::vector<std::string>{"{}"});
  upgrade.handler->on_closed({});
  CHECK(is(std::get_if<bridge::ChannelClosed>(&shard.link.commands.back())));
}

TEST_CASE("the channel is refused with a wrong pwd, another's address, or another shard's") {
  Shard shard;
  Client client(shard);
  client.join();
  shard.allocate(client.nick);
  const std::string target = target_of(client.channel_url());
  const std::string path = target.substr(0, target.find('?'));
  const auto replaced = [&target](const std::string& what, const std::string& with) {
    std::string out = target;
    out.replace(out.find(what), what.size(), with);
    return out;
  };

  for (const std::string& wrong :
       {path, path + "?pwd=", path + "?pwd=0123456789abcdef0123456789abcdee", path + "?pwd=0123",
        path + "?pwd=58c0de8e330c394d3d7038e7", replaced(client.nick, "ffffffff"),
        replaced(shard.focus.conference_id(kRoom), "0000")}) {
    CAPTURE(wrong);
    CHECK(shard.upgrade(wrong).refusal.status == 403);
  }
  for (const std::string& elsewhere : {replaced("shard-7", "shard-8"), path + "/more?pwd=x"}) {
    CHECK(shard.upgrade(elsewhere).refusal.status == 404);
  }
  client.say("<presence to='" + kRoom + "/" + client.nick + "' type='unavailable' xmlns='jabber:client'/>");
  CHECK(shard.upgrade(target).refusal.status == 403);
}

TEST_CASE("shard rule 4: a client is invited and answers over a link that is text") {
  Shard shard;
  Client client(shard);
  client.join();
  shard.allocate(client.nick);
  const xmpp::Element initiate = client.last("session-initiate");
  const std::string sid(initiate.children().at(0)->attribute_or("sid", ""));
  client.say("<iq id='" + std::string(initiate.attribute_or("id", "")) + "' type='result' to='" + kRoom +
             "/focus' xmlns='jabber:client'/>");
  const std::string print =
      "43:4B:72:9E:01:23:45:67:89:AB:CD:EF:43:4B:72:9E:01:23:45:67:89:AB:CD:EF:43:4B:72:9E:01:23:45:67";

  client.say(
      "<iq id='accept' type='set' to='" + kRoom +
      "/focus' xmlns='jabber:client'><jingle action='session-accept' sid='" + sid +
      "' xmlns='urn:xmpp:jingle:1'><content creator='responder' name='audio'><description media='audio' "
      "xmlns='urn:xmpp:jingle:apps:rtp:1'><source name='" +
      client.nick +
      "-a0' ssrc='7' xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'><parameter name='msid' value='stream "
      "track'/></source></description><transport pwd='PJ0ahJY7WrYLHlviGTPCS0vf' ufrag='u/Cw' "
      "xmlns='urn:xmpp:jingle:transports:ice-udp:1'><fingerprint hash='sha-256' setup='active' "
      "xmlns='urn:xmpp:jingle:apps:dtls:0'>" +
      print + "</fingerprint></transport></content></jingle></iq>");

  CHECK(client.last("id='accept'").attribute_or("type", "") == "result");
  const auto* transport = shard.link.last<bridge::SetTransport>();
  REQUIRE(transport != nullptr);
  CHECK(transport->ufrag == "u/Cw");
  CHECK(transport->fingerprint.value == print);
  const auto* sources = shard.link.last<bridge::SetSources>();
  REQUIRE(sources != nullptr);
  CHECK(sources->endpoint == client.nick);
  REQUIRE(sources->sources.size() == 1);
  CHECK(sources->sources[0].layers.at(0).ssrc == 7);
}

TEST_CASE("a second channel of an endpoint replaces the first") {
  Shard shard;
  Client client(shard);
  client.join();
  shard.allocate(client.nick);
  const std::string target = target_of(client.channel_url());
  FakeSocket first;
  FakeSocket second;
  Upgrade before = shard.upgrade(target);
  Upgrade after = shard.upgrade(target);
  before.handler->on_open(first);

  after.handler->on_open(second);

  CHECK(first.code == 1001);
  before.handler->on_text("{}");  // too late
  before.handler->on_closed({});
  CHECK(std::holds_alternative<bridge::ChannelOpened>(shard.link.commands.back()));
}

TEST_CASE("health, rooms and stats tell what is there") {
  Shard shard;
  CHECK(shard.json("/about/health").at("rooms").to_number<int>() == 0);
  Client alice(shard);
  Client bob(shard);
  alice.join();
  bob.join();

  const auto health = shard.json("/about/health");
  CHECK(health.at("shard").as_string() == "shard-7");
  CHECK(health.at("region").as_string() == "lab");
  CHECK(health.at("rooms").to_number<int>() == 1);
  CHECK(health.at("participants").to_number<int>() == 2);
  CHECK(health.at("stress").to_number<double>() >= 0);
  CHECK(health.at("state").as_string() == "ready");
  CHECK(!health.contains("reason"));

  const auto rooms = shard.json("/about/rooms");
  CHECK(rooms.at("shard").as_string() == "shard-7");
  REQUIRE(rooms.at("rooms").as_array().size() == 1);
  const auto& room = rooms.at("rooms").as_array().at(0).as_object();
  CHECK(room.at("room").as_string() == "alpha");
  CHECK(room.at("participants").to_number<int>() == 2);
  CHECK(room.at("created").as_string() == "2026-11-22T19:03:39Z");

  const Response watch = shard.get("/about/rooms?watch=1");
  CHECK(watch.watch);
  CHECK(boost::json::parse(watch.body).as_object().at("event").as_string() == "created");

  const auto stats = shard.json("/about/stats");
  CHECK(stats.at("conferences").to_number<int>() == 1);
  CHECK(stats.at("participants").to_number<int>() == 2);
  CHECK(stats.at("xmpp").as_object().at("sessions").to_number<int>() == 2);
  CHECK(stats.at("rooms").as_array().empty());  // nothing is known of their media yet

  shard.media.workers = {{.stress = 0.5, .last_n = 3}};
  shard.media.conferences = {
      {shard.focus.conference_id(kRoom), {{.id = "aaaaaaaa", .in = {.bits_per_second = 64000}}}}};
  const auto more = shard.json("/about/stats");
  CHECK(more.at("workers").at(0).at("last_n").to_number<int>() == 3);
  const auto& row = more.at("rooms").at(0);
  CHECK(row.at("in_bits_per_second").to_number<double>() == 64000);
  CHECK(row.at("endpoints").at(0).at("endpoint").as_string() == "aaaaaaaa");

  const auto config = shard.json("/config.json");
  CHECK(config.at("muc").as_string() == "conference.meet.jitsi");
}

TEST_CASE("a tenant's room is listed with its tenant") {
  Shard shard;
  Client alice(shard);
  alice.join();
  Client bob(shard);
  bob.join("beta@conference.acme.meet.jitsi");

  const auto rooms = shard.json("/about/rooms").at("rooms").as_array();

  REQUIRE(rooms.size() == 2);
  std::set<std::string> keys;
  for (const auto& each : rooms) {
    const auto& room = each.as_object();
    const auto* tenant = room.if_contains("tenant");
    keys.insert((tenant != nullptr ? std::string(tenant->as_string()) + "/" : "") +
                std::string(room.at("room").as_string()));
  }
  CHECK(keys == std::set<std::string>{"alpha", "acme/beta"});
}

TEST_CASE("health is 500 with the reason when the shard cannot work") {
  Shard shard;
  shard.broken = "the bridge does not answer";

  const Response response = shard.get("/about/health");

  CHECK(response.status == 500);
  CHECK(boost::json::parse(response.body).as_object().at("reason").as_string() ==
        "the bridge does not answer");
}

TEST_CASE("only this machine itself or the admin token drains, and draining refuses new rooms only") {
  Shard shard;
  Client client(shard);
  client.join();
  const auto drain = [&](Headers headers, const std::string& remote) {
    return shard.get(request("POST", "/about/drain", std::move(headers), "", remote)).status;
  };

  CHECK(shard.get("/about/drain").status == 405);
  CHECK(drain({}, "192.0.2.9:1") == 403);
  CHECK(drain({{"Authorization", "Bearer wrong"}}, "192.0.2.9:1") == 403);
  CHECK(drain({{"X-Forwarded-For", "127.0.0.1"}}, "192.0.2.9:1") == 403);
  CHECK(drain({{"X-Forwarded-For", "192.0.2.9"}}, "127.0.0.1:1") == 403);  // through a front door here
  CHECK(!shard.draining);
  CHECK(drain({}, "127.0.0.1:1") == 200);
  CHECK(shard.draining);
  CHECK(shard.json("/about/health").at("state").as_string() == "drain");
  const auto ask = [&](const std::string& room) {
    const Response response =
        shard.get(request("POST", "/conference-request/v1", {}, R"({"room":")" + room + R"("})"));
    return boost::json::parse(response.body).as_object().at("ready").as_bool();
  };
  CHECK(!ask("new@conference.meet.jitsi"));
  CHECK(ask(kRoom));

  CHECK(shard.get(request("POST", "/about/undrain", {{"Authorization", "Bearer opensesame"}})).status == 200);
  CHECK(!shard.draining);
  CHECK(ask("new@conference.meet.jitsi"));
}

TEST_CASE("pitfall 9: every IQ of a client is answered once, wherever it goes") {
  Shard shard;
  Client client(shard);
  Client other(shard);
  client.join();
  other.join();
  shard.allocate(client.nick);
  client.socket.sent.clear();
  std::set<std::string> expected;
  int next = 0;
  for (const std::string& to : {std::string(), std::string("meet.jitsi"), std::string("focus.meet.jitsi"),
                                std::string("conference.meet.jitsi"), std::string("elsewhere.example"), kRoom,
                                kRoom + "/focus", kRoom + "/nobody", kRoom + "/" + client.nick}) {
    for (const char* type : {"get", "set"}) {
      for (const char* child :
           {"", "<ping xmlns='urn:xmpp:ping'/>", "<odd xmlns='u'/>",
            "<services xmlns='urn:xmpp:extdisco:2'/>",
            "<query xmlns='http://jabber.org/protocol/disco#info'/>",
            "<query xmlns='http://jabber.org/protocol/disco#items'/>",
            "<query xmlns='http://jabber.org/protocol/muc#owner'/>",
            "<query xmlns='http://jabber.org/protocol/muc#admin'/>",
            "<mute xmlns='http://jitsi.org/jitmeet/audio'/>",
            "<jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid='x'/>",
            "<jingle xmlns='urn:xmpp:jingle:1' action='session-accept' sid='x'/>",
            "<jingle xmlns='urn:xmpp:jingle:1'/>", "<conference xmlns='http://jitsi.org/protocol/focus'/>"}) {
        const std::string id = "every-" + std::to_string(next++);
        expected.insert(id);
        client.say("<iq id='" + id + "' type='" + type + "'" + (to.empty() ? "" : " to='" + to + "'") +
                   " xmlns='jabber:client'>" + child + "</iq>");
      }
    }
  }

  // What it asked of itself by way of the room it answers, as clients do.
  for (std::size_t i = 0; i < client.socket.sent.size(); ++i) {
    const auto message = xmpp::parse_stanza(client.socket.sent[i]);
    REQUIRE(message.ok());
    const std::string type(message->attribute_or("type", ""));
    const std::string id(message->attribute_or("id", ""));
    if (message->name() != "iq") continue;
    if (type == "result" || type == "error") {
      CHECK_MESSAGE(expected.erase(id) == 1, "answered twice or never asked: " << client.socket.sent[i]);
    } else if (message->attribute_or("from", "") == kRoom + "/" + client.nick) {
      client.say("<iq id='" + id + "' type='result' to='" + kRoom + "/" + client.nick +
                 "' xmlns='jabber:client'/>");
    }
  }
  CHECK(expected.empty());
  CHECK(client.socket.code == 0);
}
