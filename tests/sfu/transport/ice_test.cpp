#include "sfu/transport/ice.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"

using namespace roomgate;
using namespace roomgate::sfu::transport;

namespace {

const std::string kRemoteUfrag = "Abcd";
const std::string kRemotePwd = "remotepasswordremotepass";
const Address kHome = *Address::parse("192.0.2.1:5000");
const Address kMobile = *Address::parse("198.51.100.9:6000");
const Address kSix = *Address::parse("[2001:db8::9]:7000");

struct Check {
  Address to;
  StunTransaction transaction;
  bool use_candidate = false;
};

// A controlled client with any number of addresses, and the time it lives in.
class Scene {
 public:
  explicit Scene(IceLimits limits = {})
      : agent(IceCredentials::make(), limits), local_key(as_bytes(agent.local().pwd)) {}

  bool set_remote() {
    const bool ok = agent.set_remote(kRemoteUfrag, kRemotePwd, now, out);
    drain();
    return ok;
  }

  struct Ask {
    std::string username;
    std::string pwd;
    bool controlling = false;
    std::uint64_t tie_breaker = 7;
  };
  // The client's check arrives. True: it was taken for authentic.
  bool request(const Address& from, std::optional<Ask> ask = {}) {
    if (!ask) ask = Ask{agent.local().ufrag + ":" + kRemoteUfrag, agent.local().pwd};
    BindingRequest request;
    random_bytes(request.transaction);
    request.username = ask->username;
    request.priority = 1;
    request.controlling = ask->controlling;
    request.tie_breaker = ask->tie_breaker;
    std::array<std::uint8_t, 600> bytes;
    const std::size_t size = write_binding_request(bytes, request, HmacSha1(as_bytes(ask->pwd)));
    return deliver(from, ByteView(bytes).first(size));
  }

  bool deliver(const Address& from, ByteView bytes) {
    const auto message = StunMessageView::parse(bytes);
    REQUIRE(message);
    const bool authentic = agent.on_binding(*message, from, now, out);
    drain();
    return authentic;
  }

  // The client at check.to answers, as if from `from`.
  void answer(const Check& check, std::optional<Address> from = {}, const std::string& pwd = kRemotePwd,
              std::uint16_t error = 0) {
    std::array<std::uint8_t, 200> bytes;
    const HmacSha1 key(as_bytes(pwd));
    const std::size_t size = error == 0 ? write_binding_success(bytes, check.transaction, kHome, key)
                                        : write_binding_error(bytes, check.transaction, error, key);
    const auto message = StunMessageView::parse(ByteView(bytes).first(size));
    REQUIRE(message);
    agent.on_response(*message, from.value_or(check.to), now, out);
    drain();
  }

  void media(const Address& from) {
    agent.on_authenticated_packet(from, now, out);
    drain();
  }

  // Time passes; ticks when asked to. Addresses in `alive` answer every check at once.
  void pass(Duration duration, const std::vector<Address>& alive = {}) {
    const TimePoint end = now + duration;
    for (int turn = 0; turn < 10'000; ++turn) {
      for (bool any = true; any;) {
        any = false;
        for (std::size_t i = 0; i < checks.size(); ++i) {
          if (std::find(alive.begin(), alive.end(), checks[i].to) == alive.end()) continue;
          const Check check = checks[i];
          checks.erase(checks.begin() + static_cast<std::ptrdiff_t>(i));
          answer(check);
          any = true;
          break;
        }
      }
      const TimePoint next = agent.next_deadline();
      if (next > end) break;
      REQUIRE(turn < 9'999);
      now = std::max(now, next);
      agent.tick(now, out);
      drain();
    }
    now = end;
  }

  void connect(const Address& from = kHome) {
    set_remote();
    request(from);
    pass(milliseconds(10), {from});
    REQUIRE(agent.state() == IceState::connected);
    events.clear();
    checks.clear();
  }

  std::size_t count(IceEventKind kind) const {
    return static_cast<std::size_t>(
        std::count_if(events.begin(), events.end(), [&](const IceEvent& e) { return e.kind == kind; }));
  }
  std::size_t checks_to(const Address& address) const {
    return static_cast<std::size_t>(
        std::count_if(checks.begin(), checks.end(), [&](const Check& c) { return c.to == address; }));
  }

  TimePoint now = TimePoint{} + seconds(1000);
  IceAgent agent;
  HmacSha1 local_key;
  IceOutput out;
  std::vector<IceEvent> events;
  std::vector<Check> checks;           // our own, not yet answered by the test
  std::vector<std::uint16_t> answers;  // 0: success, or the error
  std::vector<Address> answered_to;

 private:
  void drain() {
    for (const IceEvent& event : out.events()) events.push_back(event);
    for (const IceDatagram& datagram : out.datagrams()) {
      const auto message = StunMessageView::parse(datagram.view());
      REQUIRE(message);
      REQUIRE(message->fingerprint_matches());
      if (message->is_binding(StunClass::request)) {
        CHECK(message->integrity_matches(HmacSha1(as_bytes(kRemotePwd))));
        CHECK(message->username == kRemoteUfrag + ":" + agent.local().ufrag);
        CHECK(message->controlling.has_value());
        CHECK(message->priority.has_value());
        checks.push_back({datagram.to, message->transaction, message->use_candidate});
      } else {
        CHECK(message->integrity_matches(local_key));
        if (message->is_binding(StunClass::success)) CHECK(message->xor_mapped == datagram.to);
        answers.push_back(message->error_code.value_or(0));
        answered_to.push_back(datagram.to);
      }
    }
    out.clear();
  }
};

}  // namespace

TEST_CASE(
    "pitfall 12: answers checks before the client's credentials are known, and checks it once they are") {
  Scene scene;

  CHECK(scene.request(kHome));
  CHECK(scene.answers == std::vector<std::uint16_t>{0});
  CHECK(scene.answered_to.front() == kHome);
  CHECK(scene.checks.empty());
  CHECK(scene.count(IceEventKind::learnt) == 1);
  CHECK(scene.agent.next_deadline() == TimePoint::max());

  CHECK(scene.set_remote());
  CHECK(scene.checks_to(kHome) == 1);
}

TEST_CASE(
    "pitfall 13: as the controlling side, nominates the first address that answers, and says connected "
    "once") {
  Scene scene;
  scene.set_remote();
  scene.request(kHome);
  scene.request(kMobile);
  REQUIRE(scene.checks.size() == 2);
  CHECK(!scene.checks[0].use_candidate);
  CHECK(!scene.agent.has_selected());

  scene.answer(scene.checks[1]);

  CHECK(scene.agent.state() == IceState::connected);
  CHECK(scene.agent.selected() == kMobile);
  CHECK(scene.checks.back().to == kMobile);
  CHECK(scene.checks.back().use_candidate);
  scene.answer(scene.checks.back());
  scene.answer(scene.checks[0]);
  CHECK(scene.agent.selected() == kMobile);
  CHECK(scene.count(IceEventKind::connected) == 1);
  CHECK(scene.count(IceEventKind::selected) == 1);
  CHECK(scene.agent.validated(kHome, scene.now));
  for (const Check& check : scene.checks) CHECK((check.to == kMobile || !check.use_candidate));
}

TEST_CASE("repeats the nomination until it is answered, and not after") {
  Scene scene;
  scene.set_remote();
  scene.request(kHome);
  scene.answer(scene.checks[0]);
  scene.checks.clear();

  scene.pass(seconds(2));
  REQUIRE(scene.checks.size() >= 2);
  CHECK(
      std::all_of(scene.checks.begin(), scene.checks.end(), [](const Check& c) { return c.use_candidate; }));
  scene.answer(scene.checks.back());
  scene.checks.clear();

  scene.pass(seconds(20), {});
  REQUIRE(!scene.checks.empty());
  CHECK(
      std::none_of(scene.checks.begin(), scene.checks.end(), [](const Check& c) { return c.use_candidate; }));
}

TEST_CASE("stays silent towards requests that do not prove our password") {
  Scene scene;
  scene.set_remote();
  const std::string ours = scene.agent.local().ufrag;
  const std::string pwd = scene.agent.local().pwd;

  CHECK(!scene.request(kHome, Scene::Ask{ours + ":" + kRemoteUfrag, "wrong password wrong pass"}));
  CHECK(!scene.request(kHome, Scene::Ask{"else:" + kRemoteUfrag, pwd}));
  CHECK(!scene.request(kHome, Scene::Ask{ours, pwd}));
  CHECK(!scene.request(kHome, Scene::Ask{"", pwd}));
  CHECK(!scene.request(kHome, Scene::Ask{ours + ":Other", pwd}));

  CHECK(scene.answers.empty());
  CHECK(scene.checks.empty());
  CHECK(scene.events.empty());
  CHECK(scene.agent.counters().requests_refused == 5);
}

TEST_CASE("refuses to change roles and says so") {
  Scene scene;
  scene.set_remote();
  const std::string username = scene.agent.local().ufrag + ":" + kRemoteUfrag;

  CHECK(scene.request(kHome, Scene::Ask{username, scene.agent.local().pwd, true, 7}));
  CHECK(scene.request(kHome, Scene::Ask{username, scene.agent.local().pwd, true, ~std::uint64_t{0}}));

  CHECK(scene.answers == std::vector<std::uint16_t>{487, 487});
  CHECK(scene.checks.empty());
  CHECK(scene.agent.counters().role_conflicts == 2);
}

TEST_CASE("ignores a 487 and goes on checking as controlling") {
  Scene scene;
  scene.set_remote();
  scene.request(kHome);
  const Check first = scene.checks[0];
  scene.checks.clear();

  scene.answer(first, {}, kRemotePwd, 487);
  CHECK(!scene.agent.has_selected());
  scene.pass(milliseconds(300));
  REQUIRE(scene.checks.size() == 1);
  scene.answer(scene.checks[0]);

  CHECK(scene.agent.has_selected());
}

TEST_CASE("takes an answer only from where the check went, under the right key and transaction") {
  Scene scene;
  scene.set_remote();
  scene.request(kHome);
  scene.request(kMobile);
  const Check check = scene.checks[0];
  Check unknown = check;
  unknown.transaction[0] ^= 1;

  scene.answer(check, kMobile);
  scene.answer(check, kSix);
  scene.answer(check, {}, "another password of the client");
  scene.answer(unknown);
  CHECK(!scene.agent.has_selected());
  CHECK(scene.agent.counters().answers_ignored == 4);

  scene.answer(check);
  CHECK(scene.agent.has_selected());
  const std::uint64_t ignored = scene.agent.counters().answers_ignored;
  scene.answer(check);  // the same again is no news
  CHECK(scene.agent.counters().answers_ignored == ignored + 1);
}

TEST_CASE("answers errors to authentic requests that cannot be served") {
  Scene scene;
  // A request with a comprehension-required attribute that nobody knows, written by hand.
  std::vector<std::uint8_t> bytes(20);
  store16(&bytes[0], 1);
  store32(&bytes[4], 0x2112a442);
  const std::string username = scene.agent.local().ufrag + ":" + kRemoteUfrag;
  const auto attribute = [&](std::uint16_t type, ByteView value) {
    const std::size_t at = bytes.size();
    bytes.resize(at + 4 + ((value.size() + 3) & ~std::size_t{3}));
    store16(&bytes[at], type);
    store16(&bytes[at + 2], static_cast<std::uint16_t>(value.size()));
    std::copy(value.begin(), value.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at) + 4);
  };
  const std::array<std::uint8_t, 8> eight = {};
  attribute(0x0006, as_bytes(username));
  attribute(0x7abc, eight);
  attribute(0x8029, eight);
  store16(&bytes[2], static_cast<std::uint16_t>(bytes.size() - 20 + 24));
  attribute(0x0008, scene.local_key.digest(bytes));
  store16(&bytes[2], static_cast<std::uint16_t>(bytes.size() - 20 + 8));
  std::uint32_t crc = 0xffffffff;
  for (std::uint8_t b : bytes) {
    crc ^= b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
  }
  std::array<std::uint8_t, 4> fingerprint;
  store32(fingerprint.data(), ~crc ^ 0x5354554e);
  attribute(0x8028, fingerprint);

  CHECK(scene.deliver(kHome, bytes));

  CHECK(scene.answers == std::vector<std::uint16_t>{420});
  CHECK(scene.count(IceEventKind::learnt) == 0);
}

TEST_CASE("shard rule 6: follows authenticated media to another validated address, at once") {
  Scene scene;
  scene.connect();
  scene.pass(seconds(1), {kHome});
  scene.request(kMobile);
  scene.pass(milliseconds(1), {kMobile});
  CHECK(scene.agent.selected() == kHome);

  scene.media(kMobile);

  CHECK(scene.agent.selected() == kMobile);
  CHECK(scene.count(IceEventKind::selected) == 1);
  CHECK(scene.checks.back().to == kMobile);
  CHECK(scene.checks.back().use_candidate);
}

TEST_CASE("shard rule 6: does not follow media from an address that never answered, or from a stranger") {
  Scene scene;
  scene.connect();
  scene.pass(seconds(1), {kHome});
  scene.request(kMobile);

  for (int i = 0; i < 20; ++i) {
    scene.media(kMobile);
    scene.media(kSix);
    scene.pass(milliseconds(20), {kHome});
  }

  CHECK(scene.agent.selected() == kHome);
  CHECK(!scene.agent.validated(kMobile, scene.now));
  CHECK(!scene.agent.validated(kSix, scene.now));
}

TEST_CASE("shard rule 6: asks an address from which authentic media came, and follows it once it answers") {
  Scene scene;
  scene.connect();
  scene.pass(seconds(1), {kHome});
  const std::size_t before = scene.checks.size();

  scene.media(kMobile);

  REQUIRE(scene.checks.size() == before + 1);
  CHECK(scene.checks.back().to == kMobile);
  CHECK(scene.agent.selected() == kHome);
  scene.answer(scene.checks.back());
  scene.media(kMobile);
  CHECK(scene.agent.selected() == kMobile);
}

TEST_CASE("late packets of the old path do not move media back") {
  Scene scene;
  scene.connect();
  scene.request(kMobile);
  scene.pass(seconds(1), {kHome, kMobile});
  scene.media(kMobile);
  REQUIRE(scene.agent.selected() == kMobile);

  scene.pass(milliseconds(100), {kMobile});
  scene.media(kHome);

  CHECK(scene.agent.selected() == kMobile);
}

TEST_CASE(
    "shard rule 6: takes over an address that answers when the selected one has been silent for 2.5 s") {
  Scene scene;
  scene.connect();
  scene.pass(seconds(1), {kHome});
  scene.media(kHome);
  const TimePoint last_heard = scene.now;
  scene.request(kMobile);  // the client moved; its old address is dead from here

  scene.pass(milliseconds(2400), {kMobile});
  CHECK(scene.agent.selected() == kHome);
  scene.pass(milliseconds(600), {kMobile});

  CHECK(scene.agent.selected() == kMobile);
  CHECK(scene.now - last_heard <= seconds(3));
  CHECK(scene.agent.state() == IceState::connected);
  CHECK(scene.count(IceEventKind::selected) == 1);
}

TEST_CASE("keeps the selected address while it is heard, whatever the others answer") {
  Scene scene;
  scene.connect();
  for (int i = 0; i < 100; ++i) {
    scene.media(kHome);
    scene.request(kMobile);
    scene.pass(milliseconds(500), {kHome, kMobile});
  }

  CHECK(scene.agent.selected() == kHome);
  CHECK(scene.count(IceEventKind::selected) == 0);
  // The other one is asked now and then, not at each of its requests.
  CHECK(scene.agent.counters().checks_sent < 40);
}

TEST_CASE("keeps a quiet selected address that still answers") {
  Scene scene;
  scene.connect();
  scene.request(kMobile);

  scene.pass(seconds(60), {kHome, kMobile});

  CHECK(scene.agent.selected() == kHome);
  CHECK(scene.count(IceEventKind::interrupted) == 0);
}

TEST_CASE(
    "shard rule 15: says interrupted after five seconds of nothing, connected when it is back, failed after "
    "thirty") {
  Scene scene;
  scene.connect();

  scene.pass(milliseconds(4900));
  CHECK(scene.count(IceEventKind::interrupted) == 0);
  scene.pass(milliseconds(200));
  CHECK(scene.count(IceEventKind::interrupted) == 1);
  CHECK(scene.agent.state() == IceState::interrupted);
  scene.media(kHome);
  CHECK(scene.count(IceEventKind::connected) == 1);
  CHECK(scene.agent.state() == IceState::connected);

  scene.pass(milliseconds(24'700));
  CHECK(scene.count(IceEventKind::failed) == 0);
  scene.pass(milliseconds(300));
  CHECK(scene.count(IceEventKind::failed) == 1);
  CHECK(scene.agent.state() == IceState::failed);
  CHECK(!scene.agent.has_selected());
  CHECK(!scene.agent.validated(kHome, scene.now));
  CHECK(scene.agent.next_deadline() == TimePoint::max());
  CHECK(!scene.request(kHome));
}

TEST_CASE("shard rule 6: consent is only what answers our checks: media alone does not keep a pair") {
  Scene scene;
  scene.connect();

  for (int i = 0; i < 310; ++i) {
    scene.media(kHome);
    scene.pass(milliseconds(100));
  }

  CHECK(scene.agent.state() == IceState::failed);
}

TEST_CASE("turns to another address that has consent when the selected one lost it") {
  Scene scene;
  scene.connect();
  scene.request(kMobile);

  for (int i = 0; i < 310 && scene.agent.selected() == kHome; ++i) {
    scene.media(kHome);  // heard, but it answers no check
    if (i % 20 == 0) scene.request(kMobile);
    scene.pass(milliseconds(100), {kMobile});
  }

  CHECK(scene.agent.selected() == kMobile);
  CHECK(scene.count(IceEventKind::failed) == 0);
}

TEST_CASE("asks for consent about every five seconds, not in step") {
  Scene scene;
  scene.connect();
  std::vector<Duration> pauses;
  TimePoint last = scene.now;
  for (int i = 0; i < 3000; ++i) {
    scene.media(kHome);
    const std::uint64_t before = scene.agent.counters().checks_sent;
    scene.pass(milliseconds(100), {kHome});
    if (scene.agent.counters().checks_sent > before) {
      pauses.push_back(scene.now - last);
      last = scene.now;
    }
  }

  REQUIRE(pauses.size() > 45);
  CHECK(pauses.size() < 80);
  CHECK(*std::min_element(pauses.begin() + 1, pauses.end()) >= milliseconds(3900));
  CHECK(*std::max_element(pauses.begin() + 1, pauses.end()) <= milliseconds(6200));
  CHECK(*std::min_element(pauses.begin() + 1, pauses.end()) !=
        *std::max_element(pauses.begin() + 1, pauses.end()));
}

TEST_CASE("gives up on an address that never answers, and tries again when it asks again") {
  Scene scene;
  scene.connect();
  scene.request(kMobile);

  for (int i = 0; i < 200; ++i) {
    scene.media(kHome);
    scene.pass(milliseconds(100), {kHome});
  }
  CHECK(scene.checks_to(kMobile) == 7);
  scene.request(kMobile);

  CHECK(scene.checks_to(kMobile) == 8);
}

TEST_CASE("shard rule 6: remembers eight addresses and forgets none that is in use") {
  Scene scene;
  scene.connect();
  for (std::uint16_t port = 1; port <= 30; ++port) {
    CHECK(scene.request(kMobile.with_port(port)));
    scene.media(kHome);
  }
  CHECK(scene.count(IceEventKind::learnt) == 7);
  CHECK(scene.count(IceEventKind::forgotten) == 0);
  CHECK(scene.answers.size() == 31);  // all are answered all the same

  scene.pass(seconds(6), {kHome});
  scene.request(kSix);

  CHECK(scene.count(IceEventKind::learnt) == 8);
  CHECK(scene.count(IceEventKind::forgotten) == 1);
  CHECK(scene.agent.selected() == kHome);
}

TEST_CASE("never floods a silent address: what one request costs is bounded") {
  Scene scene;
  scene.set_remote();
  for (int i = 0; i < 1000; ++i) {
    scene.request(kHome);
    scene.pass(milliseconds(1));
  }

  CHECK(scene.agent.counters().checks_sent <= 4);
}

TEST_CASE("a new ufrag comes only through signalling, and then addresses prove themselves again") {
  Scene scene;
  scene.connect();
  CHECK(scene.set_remote());  // the same once more: nothing
  CHECK(scene.agent.has_selected());
  CHECK(scene.checks.empty());

  IceOutput out;
  CHECK(scene.agent.set_remote("Efgh", kRemotePwd, scene.now, out));

  CHECK(!scene.agent.has_selected());
  CHECK(!scene.agent.validated(kHome, scene.now));
  CHECK(scene.agent.state() == IceState::checking);
  CHECK(out.datagrams().size() == 1);
  CHECK(!scene.request(kHome));  // under the old one
}

TEST_CASE("refuses credentials that RFC 8839 does not allow") {
  Scene scene;
  IceOutput out;

  CHECK(!scene.agent.set_remote("abc", kRemotePwd, scene.now, out));
  CHECK(!scene.agent.set_remote("abcd", "tooshort", scene.now, out));
  CHECK(!scene.agent.set_remote("ab:d", kRemotePwd, scene.now, out));
  CHECK(!scene.agent.set_remote(std::string(257, 'a'), kRemotePwd, scene.now, out));
  CHECK(!scene.agent.set_remote("abcd", std::string(257, 'a'), scene.now, out));
  CHECK(scene.agent.set_remote(std::string(256, 'a'), std::string(256, 'b'), scene.now, out));
}

TEST_CASE("writes checks that fit their datagram even with the longest names") {
  IceAgent agent(IceCredentials::make());
  IceOutput out;
  const TimePoint now = TimePoint{} + seconds(5);
  agent.set_remote(std::string(256, 'a'), std::string(256, 'b'), now, out);
  BindingRequest request;
  const std::string username = agent.local().ufrag + ":" + std::string(256, 'a');
  request.username = username;
  request.controlling = false;
  std::array<std::uint8_t, 600> bytes;
  const std::size_t size = write_binding_request(bytes, request, HmacSha1(as_bytes(agent.local().pwd)));

  const bool authentic =
      agent.on_binding(*StunMessageView::parse(ByteView(bytes).first(size)), kHome, now, out);

  CHECK(authentic);
  REQUIRE(out.datagrams().size() == 2);
  CHECK(StunMessageView::parse(out.datagrams()[1].view()).ok());
}

TEST_CASE("fails when no address works in time") {
  Scene scene;
  scene.set_remote();
  scene.pass(seconds(59));
  CHECK(scene.count(IceEventKind::failed) == 0);

  scene.pass(seconds(2));

  CHECK(scene.count(IceEventKind::failed) == 1);
}

TEST_CASE("does nothing when ticked early") {
  Scene scene;
  scene.connect();
  IceOutput out;

  scene.agent.tick(scene.now, out);

  CHECK(out.datagrams().empty());
  CHECK(out.events().empty());
}
