#include "conf/haproxy/import.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "conf/gate.hpp"

using namespace roomgate::conf;

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct Imported {
  std::string text;
  Gate gate;
};

Imported imported(const std::string& config) {
  const auto text = haproxy::import_text(config, "haproxy.cfg");
  REQUIRE_MESSAGE(text, (text ? "" : text.error()));
  const auto gate = parse_gate(*text, "roomgate.toml");
  REQUIRE(gate);
  return {*text, *gate};
}

// A frontend and a backend with two shards; `front` and `back` are further lines of them.
std::string small(const std::string& front, const std::string& back, const std::string& more = "") {
  return more + "\ndefaults\n  mode http\nfrontend f\n  bind *:80\n  default_backend b\n" + front +
         "\nbackend b\n  stick-table type string len 64 size 1m expire 1h\n  stick on urlp(room)\n" +
         "  server s1 10.0.0.1:80\n" + back;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// With the lines of long comments put together again.
std::string unwrapped(std::string text) {
  for (auto at = text.find("\n# "); at != std::string::npos; at = text.find("\n# ", at + 1))
    text.erase(at, 2);
  return text;
}

std::filesystem::path corpus() {
  return std::filesystem::path(ROOMGATE_SOURCE_DIR) / "tests/corpora/haproxy";
}

std::vector<std::filesystem::path> corpus_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(corpus())) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string read(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

}  // namespace

TEST_CASE("a pair of doors becomes one gate with the same shards, rooms and times") {
  const auto [text, gate] = imported(read(corpus() / "pair.cfg"));

  REQUIRE(gate.listen.size() == 1);
  CHECK(gate.listen[0].address == "127.0.0.1:20001");
  REQUIRE(gate.shards.size() == 2);
  CHECK(gate.shards[1].name == "s2");
  CHECK(gate.shards[1].address == "127.0.0.1:22002");
  CHECK(!gate.shards[1].kind.check);
  CHECK(gate.rooms.sources == std::vector<std::string>{"query:room"});
  CHECK(!gate.rooms.tenants);
  CHECK(gate.rooms.idle == hours(24));
  CHECK(gate.rooms.max_entries == 2048);
  CHECK(gate.balance.policy == "roundrobin");
  CHECK(gate.threads == 1);
  CHECK(gate.limits.connections == 4000);
  CHECK(gate.timeouts.connect == seconds(2));
  CHECK(gate.timeouts.client == seconds(30));
}

TEST_CASE("a pair of doors stays a pair: peers with their table, shards with their numbers there") {
  const auto [text, gate] = imported(read(corpus() / "pair.cfg"));

  CHECK(gate.peers.mode == "peers");
  REQUIRE(gate.peers.members.size() == 2);
  CHECK(gate.peers.members[1].name == "doorB");
  CHECK(gate.peers.members[1].address == "127.0.0.1:21002");
  CHECK(gate.peers.table == "shards");
  CHECK(gate.peers.key_length == 128);
  CHECK(gate.peers.haproxy_key == "room");
  CHECK(gate.peers.server_key == "name");
  CHECK(gate.peers.expire == hours(24));
  CHECK(gate.shards[0].haproxy_id == 1);
  CHECK(gate.shards[1].haproxy_id == 2);
  CHECK(gate.shards[1].haproxy_name.empty());
  CHECK(has(unwrapped(text),
            "gate.name must be this front door's own name in HAProxy's section `peers mypeers`"));
}

TEST_CASE("peers whose servers are known by address, and by numbers of their own") {
  const auto [text, gate] = imported(read(corpus() / "regions.cfg"));

  CHECK(gate.peers.members.size() == 2);
  CHECK(gate.peers.address == "0.0.0.0:1024");
  CHECK(gate.peers.table == "nodes");
  CHECK(gate.peers.key_length == 200);
  CHECK(gate.peers.haproxy_key == "tenant/room");
  CHECK(gate.peers.server_key == "addr");
  CHECK(gate.peers.expire == minutes(5));
  REQUIRE(gate.shards.size() == 4);
  for (const auto& shard : gate.shards) {
    CHECK(std::to_string(shard.haproxy_id) == (shard.name == "eu-s11"   ? "21"
                                               : shard.name == "eu-s12" ? "22"
                                               : shard.name == "us-s51" ? "61"
                                                                        : "31"));
  }
}

TEST_CASE("a gate whose name among its peers is said takes it, and its own place in the section") {
  const auto with_peers = [](const std::string& peers, const std::string& global = "") {
    return imported("global\n" + global + "peers p\n" + peers +
                    "defaults\n  mode http\nfrontend f\n  bind *:80\n  default_backend b\nbackend b\n"
                    "  stick-table type string size 1m expire 1h peers p\n  stick on urlp(room)\n"
                    "  server s1 10.0.0.1:80\n  server not_here unix@/x\n  server s:3 10.0.0.3:80 id 2\n"
                    "  server s4 10.0.0.4:80\n  server s5 10.0.0.5:80 id 9\n  server s6 10.0.0.6:80\n"
                    "  server-template w 3-5 w.example:80\n  server s7 10.0.0.8:80\n");
  };

  const auto old_form =
      with_peers("  peer a 10.1.0.1:1024\n  peer b 10.1.0.2:1025\n", "  localpeer a\n").gate;
  CHECK(old_form.name == "a");
  CHECK(old_form.peers.address == "10.1.0.1:1024");
  REQUIRE(old_form.peers.members.size() == 1);
  CHECK(old_form.peers.members[0].name == "b");
  CHECK(old_form.peers.key_length == 32);
  // HAProxy's own numbers of these servers: by place, past those that are given.
  REQUIRE(old_form.shards.size() == 6);
  CHECK(old_form.shards[0].haproxy_id == 1);
  CHECK(old_form.shards[1].haproxy_id == 2);
  CHECK(old_form.shards[1].name == "s-3");
  CHECK(old_form.shards[1].haproxy_name == "s:3");
  CHECK(old_form.shards[2].haproxy_id == 5);
  CHECK(old_form.shards[3].haproxy_id == 9);
  CHECK(old_form.shards[4].haproxy_id == 7);
  CHECK(old_form.shards[5].haproxy_id == 12);

  const auto new_form = with_peers(
                            "  bind 10.1.0.1:1024 ssl crt own.pem ca-file peers.pem verify required\n"
                            "  default-server ssl ca-file peers.pem verify required\n"
                            "  server a\n  server b 10.1.0.2:1025\n",
                            "  crt-base /etc/crt\n  ca-base /etc/ca\n")
                            .gate;
  CHECK(new_form.name == "a");
  CHECK(new_form.peers.address == "10.1.0.1:1024");
  REQUIRE(new_form.peers.members.size() == 1);
  CHECK(new_form.peers.members[0].address == "10.1.0.2:1025");
  CHECK(new_form.peers.tls.certificate == "/etc/crt/own.pem");
  CHECK(new_form.peers.tls.ca == "/etc/ca/peers.pem");

  const auto half = with_peers("  bind :1024 ssl crt own.pem\n  server a\n  server b 10.1.0.2:1025\n");
  CHECK(half.gate.peers.tls.certificate.empty());
  CHECK(has(unwrapped(half.text), "without proving who they are"));

  const auto named = with_peers("  peer a door-a:1024\n  peer b 10.1.0.2:1025\n  log global\n");
  CHECK(has(unwrapped(named.text), "or all of them are found by DNS"));
  CHECK(has(unwrapped(named.text), "[peers] has nothing like these lines"));
  CHECK(named.gate.peers.members.size() == 1);

  CHECK(with_peers("  disabled\n  peer a 10.1.0.1:1024\n  peer b 10.1.0.2:1025\n").gate.peers.mode == "off");
  CHECK(with_peers("  peer a 10.1.0.1:1024\n", "  localpeer a\n").gate.peers.mode == "off");
}

TEST_CASE("the rooms' table may be one of the peers section") {
  const auto [text, gate] = imported(
      "peers p\n  peer a 10.1.0.1:1024\n  peer b 10.1.0.2:1024\n  table rooms type string len 64 size 1m "
      "expire 2h\n"
      "  table other type ip size 1k\ndefaults\n  mode http\nfrontend f\n  bind *:80\n  default_backend b\n"
      "backend b\n  stick on urlp(room) table p/rooms\n  server s1 10.0.0.1:80\n");

  CHECK(gate.peers.table == "/rooms");
  CHECK(gate.peers.key_length == 64);
  CHECK(gate.rooms.idle == hours(2));
  CHECK(has(unwrapped(text), "The rooms are not in this table"));
}

TEST_CASE("peers that do not have the rooms' table are left out") {
  const auto [text, gate] = imported(small("", "", "peers p\n  peer a 10.1.0.1:1024\n"));

  CHECK(gate.peers.mode == "off");
  CHECK(gate.peers.members.empty());
  CHECK(gate.shards[0].haproxy_id == 0);
  CHECK(has(text, "The rooms' table is not told to these peers"));
}

TEST_CASE("shards that an SRV record names, the room in a header that HAProxy sets itself") {
  const auto [text, gate] = imported(read(corpus() / "kubernetes.cfg"));

  CHECK(gate.shards.empty());
  REQUIRE(gate.discover.size() == 1);
  CHECK(gate.discover[0].srv == "_http._tcp.web.jitsi.svc.cluster.local");
  CHECK(gate.discover[0].name_from == "target");
  CHECK(gate.discover[0].refresh == seconds(5));
  CHECK(gate.dns.servers == std::vector<std::string>{"10.96.0.10:53"});
  CHECK(gate.dns.timeout == seconds(1));
  CHECK(gate.rooms.sources == std::vector<std::string>{"query:room"});
  CHECK(gate.health.path.empty());
  CHECK(gate.health.interval == seconds(2));
  CHECK(gate.listen.size() == 1);
  CHECK(!has(text, "room_found urlp"));
}

TEST_CASE("releases, regions and agents of a large deployment") {
  const auto [text, gate] = imported(read(corpus() / "regions.cfg"));

  REQUIRE(gate.shards.size() == 4);
  const auto shard = [&gate = gate](const std::string& name) {
    return *std::find_if(gate.shards.begin(), gate.shards.end(),
                         [&name](const auto& each) { return each.name == name; });
  };
  CHECK(gate.region == "eu-central-1");
  CHECK(gate.regions.at("eu-central-1").fallback == std::vector<std::string>{shard("us-s51").kind.region});
  CHECK(shard("eu-s11").kind.region == "eu-central-1");
  CHECK(shard("us-s51").kind.region != "eu-central-1");
  CHECK(shard("eu-s11").kind.release == "release-41");
  CHECK(shard("eu-s21").kind.release == "release-42");
  CHECK(gate.balance.live_release == "release-41");
  CHECK(gate.balance.policy == "hash");
  CHECK(shard("eu-s12").agent == "10.20.1.12:6060");
  CHECK(shard("eu-s12").kind.tls);
  CHECK(!shard("eu-s12").kind.tls_verify);
  CHECK(gate.health.agent_interval == seconds(10));
  CHECK(gate.rooms.tenants);
  CHECK(gate.listen.size() == 2);
  CHECK(!has(text, "secret"));
  CHECK(has(text, "stats auth admin:***"));
}

TEST_CASE("a service for each shard, a check by GET, redirects, PROXY headers, one dual-stack listener") {
  const auto [text, gate] = imported(read(corpus() / "services.cfg"));

  REQUIRE(gate.listen.size() == 2);
  CHECK(gate.listen[0].address == "[::]:8088");
  CHECK(gate.listen[0].redirect_to_https);
  CHECK(gate.listen[1].proxy_protocol_from == std::vector<std::string>{"0.0.0.0/0", "::/0"});
  REQUIRE(gate.discover.size() == 2);
  CHECK(gate.discover[0].a == "shard-0-web.jitsi.svc.cluster.local:80");
  CHECK(gate.discover[0].kind.max_connections == 500);
  CHECK(gate.discover[1].kind.weight == 0);
  REQUIRE(gate.shards.size() == 1);
  CHECK(gate.shards[0].kind.weight == 2);
  CHECK(gate.balance.policy == "leastrooms");
  CHECK(gate.balance.slow_start == seconds(30));
  CHECK(gate.rooms.sources == std::vector<std::string>{"query:room", "path"});
  CHECK(gate.health.path == "/config.js");
  CHECK(gate.health.host == "meet.example");
  CHECK(gate.health.headers == std::vector<std::string>{"X-Check: yes"});
  CHECK(gate.health.expect == std::vector<std::string>{"2xx", "3xx"});
  CHECK(gate.health.interval == seconds(1));
  CHECK(gate.health.interval_fast == milliseconds(300));
  CHECK(gate.health.timeout == milliseconds(1500));
  CHECK(gate.timeouts.queue == seconds(2));
  CHECK(has(text, "use_backend pads if { path_beg /etherpad }"));
}

TEST_CASE("rooms hashed without a table, in a listen section, checked in the old words") {
  const auto [text, gate] = imported(read(corpus() / "hash.cfg"));

  CHECK(gate.balance.policy == "hash");
  CHECK(gate.rooms.sources == std::vector<std::string>{"query:room"});
  CHECK(gate.health.path == "/");
  CHECK(gate.health.host == "meet.example");
  CHECK(gate.health.expect == std::vector<std::string>{"200-299"});
  CHECK(gate.shards[0].name == "node-a");
  CHECK(has(text, "this one became node-a"));
}

TEST_CASE("TLS listeners keep their certificates, versions and client authorities") {
  const auto gate =
      imported(
          small(
              "  bind [::]:443,10.0.0.9:8443 ssl crt site.pem crt /etc/more alpn h2,http/1.1 ca-file ca.pem "
              "verify optional ssl-min-ver TLSv1.3\n",
              "", "global\n  crt-base /etc/certs\n  ca-base /etc/ca\n"))
          .gate;

  REQUIRE(gate.listen.size() == 3);
  const auto& tls = gate.listen[1].tls;
  CHECK(gate.listen[1].address == "[::]:443");
  CHECK(gate.listen[2].address == "10.0.0.9:8443");
  CHECK(tls.certificates == std::vector<std::string>{"/etc/certs/site.pem", "/etc/more"});
  CHECK(tls.alpn == std::vector<std::string>{"h2", "http/1.1"});
  CHECK(tls.min_version == "1.3");
  CHECK(tls.client_ca == "/etc/ca/ca.pem");
  CHECK(tls.client_verify == "optional");
}

TEST_CASE("a TLS listener never becomes a plain one") {
  for (const char* bind :
       {"  bind :443 ssl crt-list /etc/list.txt\n", "  bind :443 ssl\n", "  bind :443 ssl crt\n"}) {
    const auto gate = imported(small(bind, "")).gate;

    REQUIRE(gate.listen.size() == 2);
    CHECK(gate.listen[1].tls.certificates.size() == 1);
  }
}

TEST_CASE("one line of each kind, and what becomes of it") {
  struct Row {
    std::string front;
    std::string back;
    std::string result;
  };
  const Row rows[] = {
      {"  bind :8000-8010\n", "", "no names, port ranges, socket files or descriptors: :8000-8010"},
      {"  bind quic4@:443 ssl crt x alpn h3\n", "", "HTTP/3 (QUIC) is not spoken"},
      {"  bind :9090\n", "", "address = \"127.0.0.1:9091\""},
      {"  bind :81 proto h2\n", "", "http2_cleartext = true"},
      {"  bind :80 name again\n", "", "This address is listened on already: 0.0.0.0:80"},
      {"  bind :82 blah\n", "", "options of a bind line: blah"},
      {"  redirect scheme https if !{ ssl_fc }\n", "", "redirect_to_https = true"},
      {"  redirect scheme https if { hdr(x) y }\n", "", "these redirects have others"},
      {"  use_backend other if { path /x }\n", "", "a proxy of its own before the gate"},
      {"  http-request deny if { src 10.0.0.1 }\n", "", "[[bans]]"},
      {"  maxconn 777\n", "", "connections = 777"},
      {"  bind \"$HERE:1\"\n", "", "Environment variables are not filled in"},
      {"  errorfile 503 /x\n", "", "Error pages are not replaced"},
      {"  made-up directive\n", "", "Nothing is known here of these lines"},
      {"", "  balance random\n", "This way to choose is not known here"},
      {"", "  server s2 10.0.0.2:80 disabled\n", "weight = 0  # disabled in HAProxy: it gets no new rooms"},
      {"", "  server s2 10.0.0.2:80 send-proxy\n", "No PROXY header is sent to shards"},
      {"", "  server s2 10.0.0.2:80 id 7\n", "number (id) matters between"},
      {"", "  server s2 10.0.0.2:80 ssl verify none\n", "tls_verify = false"},
      {"", "  server s2 10.0.0.2:80 ssl verify required ca-file /ca sni str(web.x)\n", "tls_sni = \"web.x\""},
      {"", "  server s2 10.0.0.2:80 ssl verify none sni req.hdr(host)\n", "not one for each request"},
      {"", "  server s2 10.0.0.2:80 whatever\n", "options of a server: whatever"},
      {"", "  server s2 10.0.0.2\n", "with a port"},
      {"", "  server s2 unix@/x\n", "with a port"},
      {"", "  server s1 10.0.0.2:80\n", "this one became s1-2"},
      {"", "  server s2 10.0.0.1:80\n", "and so the same shard"},
      {"", "  server s2 10.0.0.2:80 backup\n", "fallback = [\"elsewhere\"]"},
      {"", "  server s2 10.0.0.2:80 agent-check agent-addr 10.0.0.3 agent-port 99\n",
       "agent = \"10.0.0.3:99\""},
      {"", "  server s2 web.example:80\n", "a = \"web.example:80\""},
      {"", "  server-template w 3 web.example:80\n", "server-template had 3 places"},
      {"", "  server s2 10.0.0.2:80 maxqueue 9\n", "queue_per_shard = 9"},
      {"", "  timeout tunnel 30d\n", "tunnel = \"24h\""},
      {"", "  option httpchk HEAD /x\n  server s2 10.0.0.2:80 check\n",
       "asked by GET, where HAProxy sent HEAD"},
      {"", "  option httpchk GET /x\n  http-check expect string ok\n  server s2 10.0.0.2:80 check\n",
       "health.expect is a list of statuses"},
      {"", "  stick on src\n", "this is none of these"},
      {"", "  stick on req.cook(meet) if { path_beg /x }\n", "Carried over without its condition"},
      {"", "  stick on hdr(X-Room)\n", "\"header:X-Room\""},
      {"", "  stick on req.cook(meet)\n", "\"cookie:meet\""},
      {"", "  stick on hdr(host)\n", "\"host\""},
      {"", "  compression algo gzip\n", "neither compressed nor cached"},
      {"", "\n.if defined(X)\n  server s2 10.0.0.2:80\n.endif\n", " 14  server s2 10.0.0.2:80"},
      {"", "  server \"s2 10.0.0.2:80\n", "a quote that does not end"},
      {"", "\nuserlist u\n  user me insecure-password geheim\n", "user me insecure-password ***"},
  };
  for (const Row& row : rows) {
    const auto result = imported(small(row.front, row.back));

    CHECK_MESSAGE(has(unwrapped(result.text), row.result), row.front, row.back, row.result, " in\n",
                  result.text);
  }
}

TEST_CASE("what the sections say counts before what their defaults say, and the last defaults before them") {
  const auto gate = imported(
                        "defaults one\n  timeout connect 1s\n  timeout tunnel 5m\n"
                        "defaults\n  timeout connect 2s\n"
                        "frontend f\n  bind :80\n  default_backend b\n  timeout client 7s\n"
                        "backend b from one\n  stick on path\n  timeout server 9s\n  server a 10.0.0.1:80\n")
                        .gate;

  CHECK(gate.timeouts.connect == seconds(1));
  CHECK(gate.timeouts.tunnel == minutes(5));
  CHECK(gate.timeouts.client == seconds(7));
  CHECK(gate.timeouts.server == seconds(9));
}

TEST_CASE("a default_backend may stand in the defaults") {
  const auto [text, gate] = imported(
      "defaults\n  mode http\n  default_backend b\n  maxconn 50\nfrontend f\n  bind :80\n"
      "backend b\n  stick on urlp(room)\n  server a 10.0.0.1:80\n");

  CHECK(gate.shards.size() == 1);
  CHECK(gate.limits.connections == 50);
  CHECK(!has(text, "default_backend"));
}

TEST_CASE("what has nothing to route is refused in words") {
  struct Row {
    const char* config;
    const char* error;
  };
  const Row rows[] = {
      {"", "no backend or listen section of mode http has a server"},
      {"certainly no configuration", "no backend or listen section"},
      {"backend b\n  mode tcp\n  server a 10.0.0.1:1\n", "no backend or listen section"},
      {"backend b\n  server a 10.0.0.1:1\n", "no frontend leads to backend \"b\""},
      {"frontend f\n  bind /run/x.sock\n  default_backend b\nbackend b\n  server a 10.0.0.1:1\n",
       "nothing to listen on"},
      {"listen l\n  bind :80\n  server a unix@/x\n", "nothing to route to"},
      {"listen l\n  bind :80\n  server\n", "nothing to route to"},
  };
  for (const Row& row : rows) {
    const auto result = haproxy::import_text(row.config, "haproxy.cfg");

    REQUIRE(!result);
    CHECK_MESSAGE(has(result.error(), row.error), result.error());
  }
  CHECK(haproxy::import_file("/nowhere/haproxy.cfg").error() == "cannot be opened for reading");
}

// The promise of the command: a line is a setting, or it is in the result with a reason.
TEST_CASE("every line of the corpus is carried over or stands in the result as a comment") {
  // Carried over, but another line or the default says the same.
  const std::vector<std::string> said_twice = {
      "ssl-server-verify none",
      "stick match req.hdr(X-StickToken) table nodes",
      "stick store-request req.hdr(X-StickToken) table nodes",
      "ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets",
      "crt-base /etc/haproxy/certs",
      "parse-resolv-conf",
      "http-check expect rstatus ^(2|3)",
  };
  for (const auto& file : corpus_files()) {
    const std::string config = read(file);
    const auto whole = imported(config);
    const auto lines = haproxy::read_lines(config);

    for (const haproxy::Line& line : *lines) {
      const bool is_comment = has(whole.text, "  " + line.text + "\n") || has(line.text, "stats auth");
      const bool is_said_twice =
          std::find(said_twice.begin(), said_twice.end(), line.text) != said_twice.end();
      if (is_comment || is_said_twice) continue;
      // Carried over: without it the result is another one, or there is none.
      std::string without = config + "\n";
      const std::string ending = line.text + "\n";
      for (auto at = without.find(ending); at != std::string::npos; at = without.find(ending)) {
        without.replace(at, line.text.size(), "");
      }
      const auto other = haproxy::import_text(without, "haproxy.cfg");
      CHECK_MESSAGE((!other || *other != whole.text), file.filename().string(), ": ", line.text);
    }
  }
}

TEST_CASE("the corpus is what HAProxy itself takes") {
  if (std::system("command -v haproxy >/dev/null 2>&1") != 0) {
    MESSAGE("skipped: no haproxy");
    return;
  }
  for (const auto& file : corpus_files()) {
    const int status = std::system(("haproxy -c -q -f '" + file.string() + "' >/dev/null 2>&1").c_str());

    CHECK_MESSAGE((WIFEXITED(status) && WEXITSTATUS(status) == 0), file.string());
  }
}
