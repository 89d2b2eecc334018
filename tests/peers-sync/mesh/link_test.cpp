#include "peers-sync/mesh/link.hpp"

#include "tests/peers-sync/mesh/house.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync;
using namespace roomgate::peers_sync::mesh;
using namespace roomgate::peers_sync::mesh::tests;

namespace {

constexpr std::uint8_t kType = 200;

Task<void> keep_until_ended(Core& core, std::unique_ptr<net::Acceptor> acceptor) {
  while (!acceptor->ended()) co_await net::yield(core);
}

// Whoever has links: lets in everybody, unless told otherwise, and writes down what happens.
struct Keeper final : Link::Owner {
  explicit Keeper(Core& on) : core(on) {}
  ~Keeper() {
    for (const auto& link : links) link->close();
    if (acceptor == nullptr) return;
    acceptor->stop();
    core.spawn(keep_until_ended(core, std::move(acceptor)));
  }

  Link::Parts parts(std::string own_name, std::string peer_name = {}) {
    Link::Parts made{
        .core = core, .owner = *this, .tables = table, .tls = tls, .session = {}, .limits = limits};
    made.session.own_name = std::move(own_name);
    made.session.peer_name = std::move(peer_name);
    made.session.life = 7;
    made.session.limits = session;
    return made;
  }
  Link& dial(const Address& to, const std::string& own_name, const std::string& peer_name) {
    return *links.emplace_back(Link::dial(parts(own_name, peer_name), to));
  }
  Address listen(std::string own_name) {
    const auto descriptor = net::open_listener(kAnyPort, false);
    REQUIRE(descriptor.ok());
    const Address bound = *net::bound_address(*descriptor);
    acceptor = std::make_unique<net::Acceptor>(core, *descriptor,
                                               [this, own_name](int accepted, const Address& from) {
                                                 links.push_back(Link::take(parts(own_name), accepted, from));
                                               });
    acceptor->start();
    return bound;
  }

  std::optional<codec::Status> judge(Link&, const Session::Peer& peer) override {
    events.push_back("judge " + peer.name);
    return verdict;
  }
  void opened(Link& link, const Session::Peer&) override { events.push_back("opened " + link.peer_name()); }
  void recognised(Link& link, const Session::Peer& gate) override {
    events.push_back("gate " + link.peer_name() + " " + std::to_string(gate.life));
    last = &link;
  }
  void taken_for_haproxy(Link& link) override { events.push_back("haproxy " + link.peer_name()); }
  bool packet(Link&, std::uint8_t type, ByteView body) override {
    packets.push_back(std::to_string(type) + " " + std::string(as_text(body)));
    return readable;
  }
  void ended(Link& link) override {
    ends.push_back(link.end());
    why = link.why();
    unread = link.unsent();
  }
  bool saw(const std::string& event) const {
    return std::find(events.begin(), events.end(), event) != events.end();
  }

  Core& core;
  FakeTable table;
  std::shared_ptr<const TlsContext> tls;
  Link::Limits limits;
  SessionLimits session;
  std::optional<codec::Status> verdict = codec::Status::accepted;
  bool readable = true;
  std::vector<std::shared_ptr<Link>> links;
  std::unique_ptr<net::Acceptor> acceptor;
  std::vector<std::string> events;
  std::vector<std::string> packets;
  std::vector<Link::End> ends;
  std::string why;
  std::size_t unread = 0;
  Link* last = nullptr;
};

// Two gates with one connection, dialled by the first.
void with_pair(const std::function<Task<void>(Core&, Keeper&, Keeper&)>& body,
               const std::function<void(Keeper&, Keeper&)>& prepare = {}) {
  run([&](Core& core) -> Task<void> {
    Keeper one(core);
    Keeper two(core);
    if (prepare) prepare(one, two);
    const Address to = two.listen("gate-2");
    one.dial(to, "gate-1", "gate-2");
    co_await until(core, [&] { return one.last != nullptr && two.last != nullptr; });
    if (one.last != nullptr && two.last != nullptr) co_await body(core, one, two);
  });
}

}  // namespace

TEST_CASE("two gates find out what they are, and packets go both ways") {
  with_pair([](Core& core, Keeper& one, Keeper& two) -> Task<void> {
    CHECK(one.saw("gate gate-2 7"));
    CHECK(two.saw("judge gate-1"));
    CHECK(two.saw("gate gate-1 7"));

    one.last->send(kType, "ping");
    two.last->send(kType, "pong");
    co_await until(core, [&] { return one.packets.size() == 1 && two.packets.size() == 1; });

    CHECK(one.packets == std::vector<std::string>{"200 pong"});
    CHECK(two.packets == std::vector<std::string>{"200 ping"});
  });
}

TEST_CASE("what is said in one turn leaves in one write, at the end of that turn") {
  run([](Core& core) -> Task<void> {
    Keeper keeper(core);
    const Address to = keeper.listen("gate-2");
    auto stranger = co_await Stranger::come(core, to);
    (void)co_await stranger->say(gate_hello("gate-2", "gate-1", 1));
    co_await until(core, [&] { return keeper.last != nullptr; });
    (void)co_await stranger->hear();  // status and introduction

    std::string expected;
    for (int i = 0; i < 100; ++i) {
      keeper.last->send(kType, "packet");
      expected += packet_of(kType, "packet");
    }
    const std::string heard = co_await stranger->hear();

    CHECK(heard == expected);
  });
}

TEST_CASE("a dial ends refused where nobody listens") {
  run([](Core& core) -> Task<void> {
    Keeper keeper(core);
    const auto descriptor = net::bind_listener(kAnyPort, false);  // taken, and nobody listens
    REQUIRE(descriptor.ok());
    keeper.dial(*net::bound_address(*descriptor), "gate-1", "gate-2");
    co_await until(core, [&] { return !keeper.ends.empty(); });

    CHECK(keeper.ends == std::vector{Link::End::refused});
    ::close(*descriptor);
  });
}

TEST_CASE("a hello that is none is answered before the connection ends") {
  run([](Core& core) -> Task<void> {
    Keeper keeper(core);
    const Address to = keeper.listen("gate-2");
    auto stranger = co_await Stranger::come(core, to);
    (void)co_await stranger->say("GET / HTTP/1.1\r\n\r\n" + std::string(30'000, 'x'));

    const std::string heard = co_await stranger->hear_all();

    CHECK(heard == "501\n");
    CHECK(keeper.events.empty());
  });
}

TEST_CASE("who is turned away with a status hears it, and who is turned away without hears nothing") {
  run([](Core& core) -> Task<void> {
    Keeper keeper(core);
    const Address to = keeper.listen("gate-2");
    keeper.verdict = codec::Status::unknown_peer;
    auto told = co_await Stranger::come(core, to);
    (void)co_await told->say(haproxy_hello("gate-2", "hapA"));
    const std::string status = co_await told->hear_all();
    keeper.verdict = std::nullopt;
    auto not_told = co_await Stranger::come(core, to);
    (void)co_await not_told->say(haproxy_hello("gate-2", "hapA"));
    const std::string nothing = co_await not_told->hear_all();

    CHECK(status == "504\n");
    CHECK(nothing.empty());
    co_await until(core, [&] { return keeper.ends.size() == 2; });
    CHECK_FALSE(keeper.saw("opened hapA"));
  });
}

TEST_CASE("a HAProxy is known as one") {
  run([](Core& core) -> Task<void> {
    Keeper keeper(core);
    const Address to = keeper.listen("gate-2");
    auto haproxy = co_await Stranger::come(core, to);
    (void)co_await haproxy->say(haproxy_hello("gate-2", "hapA"));

    const std::string heard = co_await haproxy->hear();

    CHECK(heard.starts_with("200\n"));
    co_await until(core, [&] { return keeper.saw("haproxy hapA"); });
  });
}

TEST_CASE("who accepts and does not answer is given up") {
  run([](Core& core) -> Task<void> {
    Keeper keeper(core);
    keeper.session.handshake = milliseconds(20);
    const auto silent = net::open_listener(kAnyPort, false);
    REQUIRE(silent.ok());
    keeper.dial(*net::bound_address(*silent), "gate-1", "gate-2");
    co_await until(core, [&] { return !keeper.ends.empty(); });

    CHECK(keeper.why == "no handshake in time");
    ::close(*silent);
  });
}

TEST_CASE("a peer that takes nothing is cut off, with little held for it") {
  run([](Core& core) -> Task<void> {
    Keeper keeper(core);
    keeper.session.max_unsent = 256 * 1024;
    const Address to = keeper.listen("gate-2");
    auto staller = co_await Stranger::come(core, to);
    (void)co_await staller->say(gate_hello("gate-2", "gate-1", 1));
    co_await until(core, [&] { return keeper.last != nullptr; });

    const std::string body(10'000, 'x');
    std::size_t most = 0;
    for (int i = 0; keeper.ends.empty() && i < 100'000; ++i) {
      keeper.last->send(kType, body);
      most = std::max(most, keeper.last->unsent());
      co_await net::yield(core);
    }

    CHECK(keeper.ends == std::vector{Link::End::stalled});
    CHECK(most <= 2 * keeper.session.max_unsent + body.size());
  });
}

TEST_CASE("a peer that takes no byte for too long is cut off, however little it is") {
  run([](Core& core) -> Task<void> {
    Keeper keeper(core);
    keeper.limits.stall = milliseconds(30);
    const Address to = keeper.listen("gate-2");
    auto staller = co_await Stranger::come(core, to);
    (void)co_await staller->say(gate_hello("gate-2", "gate-1", 1));
    co_await until(core, [&] { return keeper.last != nullptr; });

    const std::string body(10'000, 'x');
    for (int i = 0; keeper.last->unsent() == 0 && i < 100'000; ++i) {
      keeper.last->send(kType, body);
      co_await net::yield(core);
    }
    co_await until(core, [&] { return !keeper.ends.empty(); });

    CHECK(keeper.ends == std::vector{Link::End::stalled});
    CHECK(keeper.why == "it takes nothing");
  });
}

TEST_CASE("a packet that cannot be read ends the session") {
  with_pair([](Core& core, Keeper& one, Keeper& two) -> Task<void> {
    two.readable = false;
    one.last->send(kType, "nonsense");
    co_await until(core, [&] { return !one.ends.empty() && !two.ends.empty(); });

    CHECK(two.ends == std::vector{Link::End::closed});
    CHECK(two.links.front()->session()->counters().malformed == 1);
  });
}

TEST_CASE("what was said before a session is retired arrives, from both sides") {
  with_pair([](Core& core, Keeper& one, Keeper& two) -> Task<void> {
    const std::string body(10'000, 'x');
    for (int i = 0; i < 50; ++i) one.last->send(kType, body);
    for (int i = 0; i < 50; ++i) two.last->send(kType, body);
    one.last->retire();
    one.last->send(kType, "too late");
    co_await until(core, [&] { return !one.ends.empty() && !two.ends.empty(); });

    CHECK(one.packets.size() == 50);
    CHECK(two.packets.size() == 50);
  });
}

TEST_CASE("a link that is closed says nothing more") {
  with_pair([](Core& core, Keeper& one, Keeper& two) -> Task<void> {
    one.last->send(kType, "one");
    one.last->close();
    one.last->send(kType, "two");
    one.last->push();
    one.last->retire();
    co_await until(core, [&] { return !two.ends.empty(); });

    CHECK(one.ends.empty());
    CHECK(two.ends == std::vector{Link::End::closed});
  });
}

TEST_CASE("in TLS it is the same") {
  Authority authority;
  with_pair(
      [](Core& core, Keeper& one, Keeper& two) -> Task<void> {
        const std::string body(12'000, 'x');
        for (int i = 0; i < 300; ++i) one.last->send(kType, body);
        two.last->send(kType, "pong");
        co_await until(core, [&] { return two.packets.size() == 300 && one.packets.size() == 1; });

        CHECK(two.links.front()->shows("gate-1"));
        CHECK_FALSE(two.links.front()->shows("gate-3"));
        one.last->retire();
        co_await until(core, [&] { return !one.ends.empty() && !two.ends.empty(); });
      },
      [&](Keeper& one, Keeper& two) {
        one.tls = authority.context("gate-1");
        two.tls = authority.context("gate-2");
      });
}

TEST_CASE("a certificate without the peer's name ends the dial before anything is said") {
  Authority authority;
  run([&](Core& core) -> Task<void> {
    Keeper one(core);
    Keeper two(core);
    one.tls = authority.context("gate-1");
    two.tls = authority.context("gate-3");
    const Address to = two.listen("gate-2");
    one.dial(to, "gate-1", "gate-2");
    co_await until(core, [&] { return !one.ends.empty() && !two.ends.empty(); });

    CHECK(one.ends == std::vector{Link::End::tls});
    CHECK(one.why == "TLS: its certificate does not have the name gate-2");
    CHECK(two.events.empty());
  });
}

TEST_CASE("a plain hello where TLS is spoken ends in a failed handshake") {
  Authority authority;
  run([&](Core& core) -> Task<void> {
    Keeper keeper(core);
    keeper.tls = authority.context("gate-2");
    const Address to = keeper.listen("gate-2");
    auto stranger = co_await Stranger::come(core, to);
    (void)co_await stranger->say(gate_hello("gate-2", "gate-1", 1));
    (void)co_await stranger->hear_all();
    co_await until(core, [&] { return !keeper.ends.empty(); });

    CHECK(keeper.ends == std::vector{Link::End::tls});
    CHECK(keeper.events.empty());
  });
}
