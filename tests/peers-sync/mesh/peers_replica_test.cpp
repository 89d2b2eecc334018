#include "peers-sync/mesh/peers_replica.hpp"

#include "peers-sync/codec/message.hpp"
#include "peers-sync/codec/update.hpp"
#include "tests/peers-sync/mesh/house.hpp"
#include "tests/peers-sync/mesh/rooms.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync;
using namespace roomgate::peers_sync::mesh;
using namespace roomgate::peers_sync::mesh::tests;

namespace {

bool all_ready(const std::vector<Front*>& fronts) {
  return std::all_of(fronts.begin(), fronts.end(), [&](const Front* front) {
    const ReplicaStatus status = front->replica->status();
    return status.ready && status.may_decide && status.view.size() == fronts.size();
  });
}

}  // namespace

TEST_CASE("a gate alone is ready at once, and decides") {
  run([](Core& core) -> Task<void> {
    Front a(core, "a", {"s1"});
    co_await until(core, [&] { return a.replica->ready(); });
    std::optional<Outcome> outcome;
    a.replica->claim({.key = "room"}, [&](const Outcome& said) { outcome = said; });
    co_await until(core, [&] { return outcome.has_value(); });

    CHECK(outcome->home.shard == "s1");
    CHECK(outcome->created);
    CHECK(a.rooms.homes.at("room").shard == "s1");
  });
}

TEST_CASE("200 rooms asked for at three gates at once have one home each") {
  run([](Core& core) -> Task<void> {
    Front a(core, "a", {"s1", "s2", "s3"});
    Front b(core, "b", {"s2", "s3", "s1"});
    Front c(core, "c", {"s3", "s1", "s2"});
    introduce({&a, &b, &c});
    co_await until(core, [&] { return all_ready({&a, &b, &c}); });

    std::map<std::string, std::vector<std::string>> answers;
    std::size_t created = 0;
    for (int i = 0; i < 200; ++i) {
      const std::string key = "room-" + std::to_string(i);
      for (Front* front : {&a, &b, &c}) {
        front->replica->claim({.key = key}, [&answers, &created, key](const Outcome& outcome) {
          answers[key].push_back(outcome.home.shard);
          created += outcome.created ? 1 : 0;
        });
      }
    }
    co_await until(core, [&] {
      return answers.size() == 200 && std::all_of(answers.begin(), answers.end(),
                                                  [](const auto& each) { return each.second.size() == 3; });
    });

    for (const auto& [key, shards] : answers) {
      CHECK(!shards[0].empty());
      CHECK(shards == std::vector<std::string>(3, shards[0]));
    }
    CHECK(created == 200);
    co_await until(core, [&] {
      return a.rooms.homes.size() == 200 && b.rooms.homes.size() == 200 && c.rooms.homes.size() == 200;
    });
    CHECK(a.rooms.homes == b.rooms.homes);
    CHECK(b.rooms.homes == c.rooms.homes);
  });
}

TEST_CASE("a gate that is killed is taken over from, and learns everything when it is back") {
  run([](Core& core) -> Task<void> {
    Front a(core, "a", {"s1"});
    auto b = std::make_unique<Front>(core, "b", std::vector<std::string>{"s1"});
    introduce({&a, b.get()});
    co_await until(core, [&] { return all_ready({&a, b.get()}); });
    std::size_t answered = 0;
    for (int i = 0; i < 500; ++i) {
      a.replica->claim({.key = "room-" + std::to_string(i)}, [&](const Outcome&) { ++answered; });
    }
    co_await until(core, [&] { return answered == 500 && b->rooms.homes.size() == 500; });
    PeersOptions again = b->options;
    again.address = *b->replica->address();

    b.reset();
    co_await until(core, [&] { return all_ready({&a}); });
    const auto rows = a.replica->peers();
    CHECK(rows.size() == 1);
    CHECK(rows.front().state == "gone");
    std::optional<Outcome> outcome;
    a.replica->claim({.key = "alone"}, [&](const Outcome& said) { outcome = said; });
    co_await until(core, [&] { return outcome.has_value(); });
    CHECK(outcome->home.shard == "s1");

    b = std::make_unique<Front>(core, again, std::vector<std::string>{"s1"});
    co_await until(core, [&] { return all_ready({&a, b.get()}); });
    CHECK(b->rooms.homes.size() == 501);
  });
}

TEST_CASE("who leaves is not waited for, and its address is free for the next process") {
  run([](Core& core) -> Task<void> {
    Front a(core, "a", {"s1"});
    Front b(core, "b", {"s1"});
    introduce({&a, &b});
    co_await until(core, [&] { return all_ready({&a, &b}); });
    PeersOptions next = b.options;
    next.address = *b.replica->address();
    bool left = false;

    b.replica->leave([&] { left = true; });
    co_await until(core, [&] { return left; });
    co_await until(core, [&] { return all_ready({&a}); });
    CHECK_FALSE(b.replica->ready());
    Front successor(core, next, {"s1"});
    co_await until(core, [&] { return all_ready({&a, &successor}); });

    CHECK(successor.replica->life() > b.replica->life());
    CHECK(a.replica->status().missing.empty());
  });
}

TEST_CASE("a gate whose clock was set back begins anew with a life that the others take") {
  run([](Core& core) -> Task<void> {
    Front a(core, "a", {"s1"});
    auto b = std::make_unique<Front>(core, "b", std::vector<std::string>{"s1"});
    introduce({&a, b.get()});
    co_await until(core, [&] { return all_ready({&a, b.get()}); });
    const std::uint64_t before = b->replica->life();
    PeersOptions again = b->options;
    again.address = *b->replica->address();
    again.life = before - 3'600'000;

    b.reset();
    b = std::make_unique<Front>(core, again, std::vector<std::string>{"s1"});
    co_await until(core, [&] { return all_ready({&a, b.get()}); });

    CHECK(b->replica->life() == before + 1);
  });
}

TEST_CASE("claims of before a gate takes part wait for it, and each ends") {
  run([](Core& core) -> Task<void> {
    Front a(core, "a", {"s1"});
    std::optional<Outcome> early;
    a.replica->claim({.key = "room"}, [&](const Outcome& said) { early = said; });
    co_await until(core, [&] { return early.has_value(); });
    CHECK(early->home.shard == "s1");

    auto lonely = std::make_unique<Front>(core, "b", std::vector<std::string>{"s1"});
    std::optional<Outcome> dropped;
    lonely->replica->claim({.key = "room"}, [&](const Outcome& said) { dropped = said; });
    lonely.reset();
    CHECK(dropped.has_value());
    CHECK(dropped->refusal == Refusal::no_owner);
  });
}

TEST_CASE("a HAProxy's rooms are learned before any new one is placed") {
  run([](Core& core) -> Task<void> {
    PeersOptions options{.name = "a", .address = kAnyPort};
    options.members = {{"hapA", {kAnyPort.with_port(1)}}};
    const auto listening = net::open_listener(kAnyPort, false);
    REQUIRE(listening.ok());
    options.members = {{"hapA", {*net::bound_address(*listening)}}};
    options.haproxy.settings.table = "shards";
    options.haproxy.servers = {{.shard = "s1", .id = 1, .name = "s1"},
                               {.shard = "s2", .id = 2, .name = "s2"}};
    Front a(core, options, {"s1", "s2"});
    std::optional<Outcome> outcome;
    a.replica->claim({.key = "known"}, [&](const Outcome& said) { outcome = said; });

    std::unique_ptr<Stranger> haproxy;
    net::Acceptor acceptor(core, *listening, [&](int descriptor, const Address&) {
      if (haproxy == nullptr)
        haproxy = std::make_unique<Stranger>(std::make_unique<net::Stream>(core, descriptor));
    });
    acceptor.start();
    co_await until(core, [&] { return haproxy != nullptr; });
    (void)co_await haproxy->hear();
    (void)co_await haproxy->say("200\n" + std::string("\x00\x04", 2));
    (void)co_await haproxy->hear();  // its question
    CHECK_FALSE(outcome.has_value());
    std::string lesson;
    codec::TableDefinition table{.id = 1, .name = "shards", .key_length = 129, .expire = 86'400'000};
    codec::append_definition(table, lesson);
    codec::append_update({.id = 1,
                          .remaining = 1'000'000,
                          .key = "known",
                          .numbers = {2},
                          .server = codec::Reference{1, "s2"}},
                         table, lesson);
    codec::append_control(codec::Control::resync_finished, lesson);
    (void)co_await haproxy->say(lesson);
    co_await until(core, [&] { return outcome.has_value(); });

    CHECK(outcome->home.shard == "s2");
    CHECK_FALSE(outcome->created);
    CHECK(a.replica->peers().front().kind == "haproxy");
    acceptor.stop();
    co_await until(core, [&] { return acceptor.ended(); });
  });
}

TEST_CASE("a certificate that will not do, and an address that is taken, are told at the start") {
  run([](Core& core) -> Task<void> {
    Rooms rooms({"s1"});
    Front a(core, "a", {"s1"});
    PeersReplica taken(core, {.name = "b", .address = *a.replica->address()}, rooms);
    CHECK_FALSE(taken.start().ok());
    PeersReplica untrusted(
        core, {.name = "b", .address = kAnyPort, .tls = TlsFiles{.certificate = "nowhere.pem"}}, rooms);
    CHECK(untrusted.start().error().find("nowhere.pem") != std::string::npos);
    co_return;
  });
}
