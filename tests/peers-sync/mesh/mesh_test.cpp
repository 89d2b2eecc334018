#include "peers-sync/mesh/mesh.hpp"

#include "tests/peers-sync/mesh/house.hpp"
#include "tests/support/dns_server.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync;
using namespace roomgate::peers_sync::mesh;
using namespace roomgate::peers_sync::mesh::tests;

namespace {

constexpr std::uint8_t kType = 200;

// A gate with a mesh and nothing else.
struct Gate final : Mesh::Listener {
  Gate(Core& on, Mesh::Options wanted)
      : core(on), options(std::move(wanted)), mesh(on, options, table, *this) {
    const auto started = mesh.start();
    REQUIRE(started.ok());
  }
  Gate(Core& on, std::string name, std::uint64_t life = 1)
      : Gate(on, Mesh::Options{.name = std::move(name), .life = life, .address = kAnyPort}) {}

  Address address() const { return *mesh.address(); }
  Member member() const { return {options.name, {address()}}; }
  void set_members(std::vector<Member> members) {
    options.members = std::move(members);
    CHECK(mesh.set_options(options).ok());
  }

  void connected(const std::string& gate, std::uint64_t life) override {
    CHECK(up.emplace(gate, life).second);
    ++times_connected;
  }
  void lost(const std::string& gate) override { CHECK(up.erase(gate) == 1); }
  void refused(const std::string& gate) override { refusals.insert(gate); }
  bool packet(const std::string& gate, std::uint8_t type, ByteView body) override {
    packets.push_back(gate + " " + std::to_string(type) + " " + std::string(as_text(body)));
    return true;
  }
  void gates_changed() override {}

  bool knows(const std::string& gate, std::uint64_t life) const {
    const auto found = up.find(gate);
    return found != up.end() && found->second == life;
  }
  PeerRow row(const std::string& name) const {
    for (PeerRow& each : mesh.rows(Clock::now())) {
      if (each.name == name) return each;
    }
    return {};
  }

  Core& core;
  FakeTable table;
  Mesh::Options options;
  std::map<std::string, std::uint64_t> up;
  std::set<std::string> refusals;
  std::vector<std::string> packets;
  int times_connected = 0;
  Mesh mesh;
};

// Each has the others as members.
void introduce(std::vector<Gate*> gates) {
  for (Gate* gate : gates) {
    std::vector<Member> others;
    for (const Gate* other : gates) {
      if (other != gate) others.push_back(other->member());
    }
    gate->set_members(std::move(others));
  }
}

bool all_up(const std::vector<Gate*>& gates) {
  return std::all_of(gates.begin(), gates.end(),
                     [&](const Gate* gate) { return gate->up.size() == gates.size() - 1; });
}

}  // namespace

TEST_CASE("three gates that begin at once find each other, and speak") {
  run([](Core& core) -> Task<void> {
    Gate a(core, "a");
    Gate b(core, "b");
    Gate c(core, "c");
    introduce({&a, &b, &c});
    co_await until(core, [&] { return all_up({&a, &b, &c}); });

    a.mesh.send("b", kType, "from a");
    b.mesh.send("c", kType, "from b");
    c.mesh.send("a", kType, "from c");
    co_await until(core, [&] { return a.packets.size() + b.packets.size() + c.packets.size() == 3; });

    CHECK(a.packets == std::vector<std::string>{"c 200 from c"});
    CHECK(b.packets == std::vector<std::string>{"a 200 from a"});
    CHECK(c.packets == std::vector<std::string>{"b 200 from b"});
    CHECK(a.mesh.gates() == std::vector<std::string>{"b", "c"});
    CHECK(a.row("b").kind == "gate");
    CHECK(a.row("b").up);
  });
}

TEST_CASE("of two sessions that crossed one stays, and nothing is lost on the way") {
  run([](Core& core) -> Task<void> {
    for (int round = 0; round < 10; ++round) {
      Gate a(core, "a");
      Gate b(core, "b");
      introduce({&a, &b});
      int said = 0;
      const auto one_session = [](const Gate& gate, const std::string& other) {
        return gate.mesh.sessions(other) == 1;
      };
      while (!(all_up({&a, &b}) && one_session(a, "b") && one_session(b, "a")) && said < 100'000) {
        if (all_up({&a, &b})) {
          a.mesh.send("b", kType, "x");
          ++said;
        }
        co_await net::yield(core);
      }
      a.mesh.send("b", kType, "last");
      co_await until(core, [&] { return !b.packets.empty() && b.packets.back() == "a 200 last"; });

      CHECK(b.packets.size() == static_cast<std::size_t>(said) + 1);
      CHECK(all_up({&a, &b}));
    }
  });
}

TEST_CASE("a gate that is killed is lost, refuses connections, and is found again") {
  run([](Core& core) -> Task<void> {
    Gate a(core, "a");
    auto b = std::make_unique<Gate>(core, "b", 1);
    Gate c(core, "c");
    introduce({&a, b.get(), &c});
    co_await until(core, [&] { return all_up({&a, b.get(), &c}); });
    Mesh::Options again = b->options;
    again.address = b->address();
    again.life = 2;

    b.reset();
    co_await until(core, [&] { return a.refusals.contains("b") && c.refusals.contains("b"); });
    CHECK(a.up == std::map<std::string, std::uint64_t>{{"c", 1}});
    CHECK(a.row("b").error.find("refused") != std::string::npos);

    b = std::make_unique<Gate>(core, again);
    co_await until(core, [&] { return all_up({&a, b.get(), &c}); });
    CHECK(a.up == std::map<std::string, std::uint64_t>{{"b", 2}, {"c", 1}});
    CHECK(a.row("b").reconnects >= 1);
  });
}

TEST_CASE("a new life of a gate takes the place of the one before, which is not let in again") {
  run([](Core& core) -> Task<void> {
    Gate a(core, "a", 5);
    const Address nobody = kAnyPort.with_port(1);
    a.set_members({{"b", {nobody}}});
    auto before = co_await Stranger::come(core, a.address());
    (void)co_await before->say(gate_hello("a", "b", 10));
    co_await until(core, [&] { return a.knows("b", 10); });

    auto after = co_await Stranger::come(core, a.address());
    (void)co_await after->say(gate_hello("a", "b", 11));
    co_await until(core, [&] { return a.knows("b", 11); });
    (void)co_await before->hear_all();
    auto late = co_await Stranger::come(core, a.address());
    (void)co_await late->say(gate_hello("a", "b", 10));
    const std::string heard = co_await late->hear_all();

    CHECK(heard.empty());
    CHECK(a.knows("b", 11));
  });
}

TEST_CASE("members leave and join while it runs") {
  run([](Core& core) -> Task<void> {
    Gate a(core, "a");
    Gate b(core, "b");
    introduce({&a, &b});
    co_await until(core, [&] { return all_up({&a, &b}); });

    a.set_members({});
    CHECK(a.up.empty());
    CHECK(a.mesh.gates().empty());
    co_await until(core, [&] { return b.up.empty(); });
    a.set_members({b.member()});
    co_await until(core, [&] { return all_up({&a, &b}); });
  });
}

TEST_CASE("names of nobody get 504, our own as well, and a wrong name of ours gets 503") {
  run([](Core& core) -> Task<void> {
    Gate a(core, "a");
    a.set_members({{"b", {kAnyPort.with_port(1)}}});
    const std::vector<std::pair<std::string, std::string>> cases = {
        {haproxy_hello("a", "mallory"), "504\n"},
        {haproxy_hello("a", "a"), "504\n"},
        {gate_hello("a", "a", 9), "504\n"},
        {haproxy_hello("x", "b"), "503\n"},
    };
    for (const auto& [hello, expected] : cases) {
      auto stranger = co_await Stranger::come(core, a.address());
      (void)co_await stranger->say(hello);
      const std::string heard = co_await stranger->hear_all();
      CHECK(heard == expected);
    }
    CHECK(a.mesh.counters().unknown == 1);
    CHECK(a.mesh.counters().ourselves >= 1);
    CHECK(a.up.empty());
  });
}

TEST_CASE("only the members' addresses may connect, or those that are allowed") {
  run([](Core& core) -> Task<void> {
    Gate a(core, "a");
    a.set_members({{"b", {*Address::parse("192.0.2.7:1")}}});
    auto stranger = co_await Stranger::come(core, a.address());
    const std::string heard = co_await stranger->hear_all();
    CHECK(heard.empty());
    CHECK(a.mesh.counters().not_allowed == 1);

    a.options.allow = *Networks::parse({"127.0.0.0/8"});
    a.set_members(a.options.members);
    auto welcome = co_await Stranger::come(core, a.address());
    (void)co_await welcome->say(gate_hello("a", "b", 1));
    co_await until(core, [&] { return a.up.contains("b"); });
    CHECK(a.mesh.counters().not_allowed == 1);
  });
}

TEST_CASE("random bytes, floods and silence change nothing for the others") {
  run([](Core& core) -> Task<void> {
    Gate a(core, "a");
    Gate b(core, "b");
    introduce({&a, &b});
    co_await until(core, [&] { return all_up({&a, &b}); });
    std::vector<std::unique_ptr<Stranger>> silent;
    for (int i = 0; i < 100; ++i) {
      auto come = co_await Stranger::come(core, a.address());
      silent.push_back(std::move(come));
    }
    std::mt19937 random(4711);
    for (int i = 0; i < 50; ++i) {
      auto stranger = co_await Stranger::come(core, a.address());
      std::string bytes(std::uniform_int_distribution<std::size_t>(1, 3000)(random), '\0');
      for (char& byte : bytes) byte = static_cast<char>(random());
      if (i % 2 == 1) bytes = gate_hello("a", "mallory", 1) + bytes;
      (void)co_await stranger->say(bytes);
    }
    auto flood = co_await Stranger::come(core, a.address());
    (void)co_await flood->say("HAProxyS 2.1\na\n" + std::string(4 << 20, 'x'));
    a.mesh.send("b", kType, "still here");
    co_await until(core, [&] { return !b.packets.empty(); });

    CHECK(a.up.size() == 1);
    CHECK(a.times_connected == 1);
    CHECK(a.mesh.counters().crowded_out >= 36);
  });
}

TEST_CASE("a member that sends garbage is cut off, counted, and comes again") {
  run([](Core& core) -> Task<void> {
    Gate a(core, "a");
    a.set_members({{"b", {kAnyPort.with_port(1)}}});
    auto gate = co_await Stranger::come(core, a.address());
    (void)co_await gate->say(gate_hello("a", "b", 1));
    co_await until(core, [&] { return a.up.contains("b"); });

    (void)co_await gate->say(std::string("\xff\x01 garbage"));
    co_await until(core, [&] { return a.up.empty(); });
    CHECK(a.mesh.counters().malformed == 1);

    auto again = co_await Stranger::come(core, a.address());
    (void)co_await again->say(gate_hello("a", "b", 2));
    co_await until(core, [&] { return a.up.contains("b"); });
  });
}

TEST_CASE("a gate that falls silent is lost long before its connection is") {
  run([](Core& core) -> Task<void> {
    Mesh::Options options{.name = "a", .address = kAnyPort, .members = {{"b", {kAnyPort.with_port(1)}}}};
    options.limits.session.gate_silence = milliseconds(50);
    Gate a(core, options);
    auto silent = co_await Stranger::come(core, a.address());
    (void)co_await silent->say(gate_hello("a", "b", 1));
    co_await until(core, [&] { return a.times_connected == 1; });
    co_await until(core, [&] { return a.up.empty(); });

    CHECK(a.row("b").error == "silent for too long");
  });
}

TEST_CASE("a HAProxy is no gate, and of its hellos the last counts") {
  run([](Core& core) -> Task<void> {
    Gate a(core, "a");
    a.set_members({{"hapA", {kAnyPort.with_port(1)}}});
    CHECK(a.mesh.gates() == std::vector<std::string>{"hapA"});
    auto first = co_await Stranger::come(core, a.address());
    (void)co_await first->say(haproxy_hello("a", "hapA"));
    co_await until(core, [&] { return a.mesh.gates().empty(); });
    CHECK(a.row("hapA").kind == "haproxy");

    auto second = co_await Stranger::come(core, a.address());
    (void)co_await second->say(haproxy_hello("a", "hapA"));
    (void)co_await first->hear_all();

    CHECK(a.row("hapA").up);
    CHECK(a.mesh.sessions("hapA") == 1);
    CHECK(a.up.empty());
  });
}

TEST_CASE("who says a gate's name in HAProxy's way is turned out, and the gate's session stays in use") {
  run([](Core& core) -> Task<void> {
    Gate a(core, "a");
    Gate b(core, "b");
    introduce({&a, &b});
    co_await until(core, [&] {
      return all_up({&a, &b}) && a.mesh.sessions("b") == 1 && b.mesh.sessions("a") == 1;
    });

    auto impostor = co_await Stranger::come(core, a.address());
    (void)co_await impostor->say(haproxy_hello("a", "b"));
    (void)co_await impostor->hear_all();
    b.mesh.send("a", kType, "from b");
    a.mesh.send("b", kType, "from a");
    co_await until(core, [&] { return !a.packets.empty() && !b.packets.empty(); });

    CHECK(a.mesh.counters().impostors == 1);
    CHECK(a.mesh.sessions("b") == 1);
    CHECK(a.times_connected == 1);
    CHECK(b.times_connected == 1);
    CHECK(a.row("b").kind == "gate");
    CHECK(a.mesh.gates() == std::vector<std::string>{"b"});
    CHECK(a.packets == std::vector<std::string>{"b 200 from b"});
    CHECK(b.packets == std::vector<std::string>{"a 200 from a"});
  });
}

TEST_CASE("in TLS gates find each other by the names of their certificates") {
  Authority authority;
  run([&](Core& core) -> Task<void> {
    Gate a(core, {.name = "a", .address = kAnyPort, .tls = authority.context("a")});
    Gate b(core, {.name = "b", .address = kAnyPort, .tls = authority.context("b")});
    introduce({&a, &b});
    co_await until(core, [&] { return all_up({&a, &b}); });
    a.mesh.send("b", kType, "secret");
    co_await until(core, [&] { return !b.packets.empty(); });

    CHECK(a.mesh.counters().tls == 0);
  });
}

TEST_CASE("in TLS who has another's certificate, or one of another house, stays outside") {
  Authority authority;
  Authority other("another house");
  run([&](Core& core) -> Task<void> {
    Gate a(core, {.name = "a", .address = kAnyPort, .tls = authority.context("a")});
    Gate liar(core, {.name = "b", .address = kAnyPort, .tls = authority.context("c")});
    Gate outsider(core, {.name = "d", .address = kAnyPort, .tls = other.context("d", authority.ca())});
    a.set_members({liar.member(), outsider.member()});
    liar.set_members({a.member()});
    outsider.set_members({a.member()});
    co_await until(core, [&] {
      return !a.row("b").error.empty() && !a.row("d").error.empty() && a.mesh.counters().tls >= 4;
    });

    CHECK(a.up.empty());
    CHECK(liar.up.empty());
    CHECK(outsider.up.empty());
  });
}

TEST_CASE("gates that DNS knows join, and stay when it forgets them") {
  constexpr const char* kName = "_peers._tcp.web.example";
  roomgate::tests::DnsZone zone;
  roomgate::tests::DnsServer server(std::ref(zone));
  run([&](Core& core) -> Task<void> {
    const auto options = [&](const std::string& name) {
      Mesh::Options made{.name = name, .address = kAnyPort, .discover_srv = kName};
      made.dns = {.servers = {server.address()}, .timeout = milliseconds(200), .tries = 2};
      made.limits.seeker = {.least = milliseconds(10), .most = milliseconds(50)};
      return made;
    };
    Gate a(core, options("a"));
    Gate b(core, options("b"));
    const auto offer = [&](const std::vector<const Gate*>& gates) {
      std::vector<roomgate::tests::DnsRecord> records;
      for (const Gate* gate : gates) {
        const std::string target = gate->options.name + ".web.example";
        records.push_back(roomgate::tests::srv_record(kName, 0, 0, gate->address().port(), target, 0));
        zone.set(target, roomgate::tests::kDnsA, {roomgate::tests::address_record(target, "127.0.0.1", 0)});
      }
      zone.set(kName, roomgate::tests::kDnsSrv, records);
    };

    offer({&a, &b});
    co_await until(core, [&] { return all_up({&a, &b}); });
    // Not ready for a moment, says the one who writes the records; the session says more.
    offer({&a});
    Gate c(core, options("c"));
    offer({&a, &c});
    co_await until(core, [&] { return a.up.contains("c") && c.up.contains("a"); });

    CHECK(a.up.contains("b"));
    CHECK(b.up.contains("a"));
  });
}

TEST_CASE("an address that is taken is told at the start and at reload, and changes nothing") {
  run([](Core& core) -> Task<void> {
    Gate a(core, "a");
    FakeTable table;
    Mesh second(core, {.name = "b", .address = a.address()}, table, a);
    CHECK_FALSE(second.start().ok());

    Gate c(core, "c");
    Mesh::Options wanted = c.options;
    wanted.address = a.address();
    CHECK_FALSE(c.mesh.set_options(wanted).ok());
    CHECK(c.mesh.address().has_value());
    co_return;
  });
}

TEST_CASE("who stops listening leaves its address to the next process, and keeps its sessions") {
  run([](Core& core) -> Task<void> {
    Gate a(core, "a", 1);
    Gate b(core, "b", 1);
    introduce({&a, &b});
    co_await until(core, [&] { return all_up({&a, &b}); });
    Mesh::Options next = a.options;
    next.address = a.address();
    next.life = 2;

    a.mesh.stop_listening();
    a.mesh.send("b", kType, "goodbye");
    co_await until(core, [&] { return !b.packets.empty(); });
    Gate successor(core, next);
    co_await until(core, [&] { return b.knows("a", 2); });
    co_await until(core, [&] { return a.up.empty(); });
  });
}
