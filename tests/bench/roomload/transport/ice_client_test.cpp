// Our side of ICE against the shard's, both without sockets: what one sends the other consumes.
#include "bench/roomload/transport/ice_client.hpp"

#include <doctest/doctest.h>

#include <deque>

using namespace roomgate;
using namespace roomgate::sfu::transport;
using namespace roomgate::bench::roomload::transport;

namespace {

constexpr TimePoint kStart{seconds(1000)};
const Address kBridge = *Address::parse("192.0.2.10:10000");
const Address kOther = *Address::parse("192.0.2.11:10000");
const Address kClient = *Address::parse("198.51.100.1:4000");

// A path without delay between a client and a bridge, which listens on `open` addresses only.
struct Path {
  IceClient client;
  IceAgent agent{IceCredentials::make()};
  std::vector<Address> open = {kBridge};
  TimePoint now = kStart;
  std::size_t checks = 0;  // of the client

  void start(const std::vector<IceClient::Candidate>& candidates) {
    IceOutput out;
    client.start(candidates, agent.local().ufrag, agent.local().pwd, now);
    client.tick(now, out);
    from_client(out);
  }
  void answer_with(bool remote_known) {
    if (!remote_known) return;
    IceOutput out;
    agent.set_remote(client.ufrag(), client.pwd(), now, out);
    from_agent(out);
  }
  void from_client(const IceOutput& out) {
    for (const IceDatagram& datagram : out.datagrams()) {
      const auto message = StunMessageView::parse(datagram.view());
      REQUIRE(message);
      if (message->is_binding(StunClass::request)) ++checks;
      if (std::find(open.begin(), open.end(), datagram.to) == open.end()) continue;
      at_ = datagram.to;
      IceOutput back;
      if (message->is_binding(StunClass::request)) {
        agent.on_binding(*message, kClient, now, back);
      } else {
        agent.on_response(*message, kClient, now, back);
      }
      from_agent(back);
    }
  }
  void from_agent(const IceOutput& out) {
    for (const IceDatagram& datagram : out.datagrams()) {
      const auto message = StunMessageView::parse(datagram.view());
      REQUIRE(message);
      IceOutput back;
      client.consume(*message, at_, now, back);
      from_client(back);
    }
  }
  void run_for(Duration time) {
    const TimePoint end = now + time;
    while (true) {
      const TimePoint due = std::min(client.next_deadline(), agent.next_deadline());
      if (due > end) break;
      now = std::max(now, due);
      IceOutput out;
      client.tick(now, out);
      from_client(out);
      IceOutput other;
      agent.tick(now, other);
      from_agent(other);
    }
    now = end;
  }

 private:
  Address at_ = kBridge;  // the bridge's address of the moment
};

}  // namespace

TEST_CASE("the pair that the bridge nominates is selected") {
  Path path;

  path.start({{kBridge, 100}});
  path.answer_with(true);
  path.run_for(seconds(1));

  CHECK(path.client.state() == IceClientState::connected);
  CHECK(path.client.selected() == kBridge);
  CHECK(path.agent.state() == IceState::connected);
}

TEST_CASE("a candidate that does not answer does not hold the others up") {
  Path path;

  path.start({{kOther, 200}, {kBridge, 100}});
  path.answer_with(true);
  path.run_for(seconds(1));

  CHECK(path.client.state() == IceClientState::connected);
  CHECK(path.client.selected() == kBridge);
}

TEST_CASE("without a nomination the pair that answers is taken after a while") {
  Path path;

  path.start({{kBridge, 100}});
  path.run_for(milliseconds(900));
  CHECK(path.client.state() == IceClientState::checking);
  path.run_for(milliseconds(300));

  CHECK(path.client.state() == IceClientState::connected);
}

TEST_CASE("a blocked path fails at its deadline, and is told from one that was heard") {
  Path path;
  path.open.clear();

  path.start({{kBridge, 100}});
  path.run_for(IceClientLimits{}.connect_deadline);

  CHECK(path.client.state() == IceClientState::failed);
  CHECK_FALSE(path.client.heard());
  CHECK(path.client.next_deadline() == TimePoint::max());
  // 250 ms doubled to 2 s: no flood.
  CHECK(path.checks < 15);
}

TEST_CASE("consent is asked for each second, and its loss ends the path") {
  Path path;
  path.start({{kBridge, 100}});
  path.answer_with(true);
  path.run_for(seconds(1));
  const std::size_t before = path.checks;

  path.run_for(seconds(10));
  CHECK(path.checks - before >= 9);
  CHECK(path.checks - before <= 11);
  path.open.clear();
  path.run_for(IceClientLimits{}.consent_lost + seconds(1));

  CHECK(path.client.state() == IceClientState::failed);
}

TEST_CASE("strangers move nothing") {
  Path path;
  path.open.clear();
  path.start({{kBridge, 100}});
  std::array<std::uint8_t, 512> bytes;
  const HmacSha1 wrong(as_bytes("not the password"));
  const std::string username = path.client.ufrag() + ":x";
  const BindingRequest request{.transaction = {},
                               .username = username,
                               .priority = 1,
                               .tie_breaker = 1,
                               .controlling = true,
                               .use_candidate = true};
  const std::size_t size = write_binding_request(bytes, request, wrong);

  IceOutput out;
  path.client.consume(*StunMessageView::parse(ByteView(bytes).first(size)), kOther, kStart, out);

  CHECK(out.datagrams().empty());
  CHECK(path.client.state() == IceClientState::checking);
  CHECK_FALSE(path.client.heard());
}

namespace {

// A server that is ICE-lite (RFC 8445 2.5): answers checks and sends none.
struct Lite {
  std::string ufrag = "lite";
  std::string pwd = "the password of the lite server";
  IceClient client;
  TimePoint now = kStart;
  std::vector<std::vector<std::uint8_t>> answers;  // not yet given to the client
  std::size_t nominations = 0;

  explicit Lite(const std::vector<IceClient::Candidate>& candidates) {
    IceOutput out;
    client.start(candidates, ufrag, pwd, now, IceRole::controlling);
    client.tick(now, out);
    take(out);
  }
  // The checks that come to kBridge are answered.
  void take(const IceOutput& out) {
    const HmacSha1 key(as_bytes(pwd));
    for (const IceDatagram& datagram : out.datagrams()) {
      const auto message = StunMessageView::parse(datagram.view());
      REQUIRE(message);
      CHECK(message->controlling.has_value());
      if (datagram.to != kBridge) continue;
      if (message->use_candidate) ++nominations;
      std::vector<std::uint8_t> answer(640);
      answer.resize(write_binding_success(answer, message->transaction, kClient, key));
      answers.push_back(std::move(answer));
    }
  }
  void give(std::size_t index) {
    const auto message = StunMessageView::parse(answers.at(index));
    REQUIRE(message);
    IceOutput out;
    client.consume(*message, kBridge, now, out);
    take(out);
  }
  void run_for(Duration time) {
    for (const TimePoint end = now + time; client.next_deadline() <= end;) {
      now = std::max(now, client.next_deadline());
      IceOutput out;
      client.tick(now, out);
      take(out);
    }
  }
};

}  // namespace

TEST_CASE(
    "before a lite server the first pair that answers is nominated, and selected once that is answered") {
  Lite server({{kOther, 200}, {kBridge, 100}});
  server.run_for(milliseconds(100));  // until the second candidate's turn
  REQUIRE(server.answers.size() == 1);
  CHECK(server.nominations == 0);

  server.give(0);
  CHECK(server.client.state() == IceClientState::checking);
  REQUIRE(server.answers.size() == 2);
  CHECK(server.nominations == 1);
  server.give(1);

  CHECK(server.client.state() == IceClientState::connected);
  CHECK(server.client.selected() == kBridge);
}

TEST_CASE("an answer to a check from before the nomination nominates nothing") {
  Lite server({{kBridge, 100}});
  server.run_for(milliseconds(300));  // repeated once
  REQUIRE(server.answers.size() == 2);

  server.give(0);
  server.give(1);

  CHECK(server.client.state() == IceClientState::checking);
  REQUIRE(server.answers.size() == 3);
  server.give(2);
  CHECK(server.client.state() == IceClientState::connected);
}
