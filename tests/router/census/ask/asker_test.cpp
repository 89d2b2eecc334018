#include "router/census/ask/asker.hpp"

#include <doctest/doctest.h>

#include <deque>

#include "base/net/acceptor.hpp"
#include "tests/support/on_core.hpp"

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::census;
using net::Core;
using net::Task;
using roomgate::tests::run;

namespace {

std::string ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string rooms(std::string_view list) {
  return ok(R"({"shard":"x","rooms":[)" + std::string(list) + "]}");
}

// A shard that answers each question with what it has been told to say, and counts them.
class FakeShard {
 public:
  explicit FakeShard(Core& core)
      : core_(core),
        asked_(core),
        acceptor_(core, net::open_listener(*Address::parse("127.0.0.1:0"), false).value(),
                  [this](int descriptor, const Address&) { core_.spawn(serve(*this, descriptor)); }) {
    acceptor_.start();
  }

  std::string address() { return net::bound_address(acceptor_.descriptor()).value().to_string(); }
  void say(std::string answer) { answer_ = std::move(answer); }
  // The next question, once it has been answered.
  Task<std::string> question() {
    while (questions_.empty()) (void)co_await asked_.wait(TimePoint::max());
    std::string question = questions_.front();
    questions_.pop_front();
    co_return question;
  }
  Task<void> stop() {
    acceptor_.stop();
    while (!acceptor_.ended()) co_await net::yield(core_);
  }

 private:
  static Task<void> serve(FakeShard& shard, int descriptor) {
    net::Stream stream(shard.core_, descriptor);
    std::vector<std::uint8_t> bytes(4096);
    std::string request;
    while (request.find("\r\n\r\n") == request.npos) {
      const auto read = co_await stream.read_some(bytes, Clock::now() + seconds(30));
      if (!read || *read == 0) co_return;
      request += as_text(ByteView(bytes).first(*read));
    }
    (void)co_await stream.write_all(as_bytes(shard.answer_), seconds(30));
    shard.questions_.push_back(std::move(request));
    shard.asked_.wake({});
  }

  Core& core_;
  net::Waiter asked_;
  std::deque<std::string> questions_;
  std::string answer_;
  net::Acceptor acceptor_;
};

// Whoever is asked again is so at once: no test waits for a pause.
Options quick() { return {.interval = milliseconds(1), .timeout = seconds(30), .host = "", .headers = {}}; }

Target target(std::string shard, FakeShard& at, std::string path = "/about/rooms") {
  return {.shard = std::move(shard), .path = std::move(path), .addresses = {at.address()}, .tls = nullptr};
}
std::vector<Target> one(FakeShard& at) { return {target("a", at)}; }

// Until the answers are such. Each round lets the asker take another one.
Task<void> until(FakeShard& shard, std::function<bool()> holds) {
  while (!holds()) (void)co_await shard.question();
}

}  // namespace

TEST_CASE("each shard is asked, and what all have said is one snapshot") {
  run([](Core& core) -> Task<void> {
    Metrics metrics;
    FakeShard a(core);
    FakeShard b(core);
    a.say(rooms(R"({"room":"Alpha","participants":3},{"room":"both","participants":1})"));
    b.say(ok(
        R"({"room_census":[{"room_name":"[t]x@muc","participants":2},{"room_name":"both@muc","participants":5}]})"));
    Options options = quick();
    options.interval = seconds(60);
    options.host = "meet.example";
    Asker asker(core, options, metrics);
    std::vector<Target> both = one(a);
    both.push_back(target("b", b, "/room-census"));
    both.push_back(target("silent", b, ""));

    asker.set_targets(both);
    const bool all = co_await asker.all_asked(Clock::now() + seconds(30));

    CHECK(all);
    CHECK((co_await a.question()).starts_with("GET /about/rooms HTTP/1.1\r\nHost: meet.example\r\n"));
    CHECK((co_await b.question()).starts_with("GET /room-census HTTP/1.1\r\n"));
    const auto said = asker.snapshot();
    CHECK(said->participants("alpha", "a") == 3);
    CHECK(said->participants("t/x", "b") == 2);
    CHECK(said->participants("alpha", "silent") == std::nullopt);

    asker.review([](std::string_view key) { return key == "both"; });
    REQUIRE(asker.splits().size() == 1);
    CHECK(asker.splits().front().key == "both");
    CHECK(metrics.census_rooms.with({"b"}).value() == 2);
    CHECK(metrics.census_split_rooms.with({}).value() == 1);
    CHECK(metrics.census_unknown_rooms.with({}).value() == 2);
    co_await a.stop();
    co_await b.stop();
  });
}

TEST_CASE("a shard without a census is asked once, and again when it is another") {
  run([](Core& core) -> Task<void> {
    Metrics metrics;
    FakeShard without(core);
    FakeShard with(core);
    without.say("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    with.say(rooms(R"({"room":"alpha","participants":1})"));
    Asker asker(core, quick(), metrics);

    asker.set_targets({target("a", without), target("b", with)});
    (void)co_await without.question();
    // Of the other one many have been answered by then.
    for (int i = 0; i < 20; ++i) (void)co_await with.question();
    CHECK(asker.snapshot()->participants("alpha", "a") == std::nullopt);

    without.say(rooms(R"({"room":"alpha","participants":7})"));
    asker.set_targets({target("a", without, "/room-census"), target("b", with)});
    // Had it been asked meanwhile, this would be one more question at the old place.
    CHECK((co_await without.question()).starts_with("GET /room-census "));
    co_await until(with, [&] { return asker.snapshot()->participants("alpha", "a") == 7; });
    co_await without.stop();
    co_await with.stop();
  });
}

TEST_CASE("what a shard has said goes with its census, and with the shard") {
  run([](Core& core) -> Task<void> {
    Metrics metrics;
    FakeShard shard(core);
    shard.say(rooms(R"({"room":"alpha","participants":1})"));
    Asker asker(core, quick(), metrics);
    asker.set_targets(one(shard));
    co_await until(shard, [&] { return asker.snapshot()->participants("alpha", "a") == 1; });

    shard.say(ok(R"({"hello":"world"})"));
    while (asker.snapshot()->participants("alpha", "a")) (void)co_await net::yield(core);

    shard.say(rooms(R"({"room":"alpha","participants":2})"));
    asker.set_options(quick());  // new settings: it is asked at once
    while (asker.snapshot()->participants("alpha", "a") != 2) (void)co_await net::yield(core);
    asker.set_targets({});
    CHECK(asker.snapshot()->participants("alpha", "a") == std::nullopt);
    CHECK(metrics.census_rooms.series().empty());
    co_await shard.stop();
  });
}

TEST_CASE("an overloaded shard's word counts for a while, then no longer") {
  run([](Core& core) -> Task<void> {
    Metrics metrics;
    FakeShard shard(core);
    shard.say(rooms(R"({"room":"alpha","participants":1})"));
    Asker asker(core, quick(), metrics);
    asker.set_targets(one(shard));
    co_await until(shard, [&] { return asker.snapshot()->participants("alpha", "a") == 1; });

    // It goes on to be asked: this may pass.
    shard.say("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9\r\n\r\nnot JSON!");
    co_await until(shard, [&] { return !asker.snapshot()->participants("alpha", "a"); });
    shard.say(rooms(R"({"room":"alpha","participants":2})"));
    co_await until(shard, [&] { return asker.snapshot()->participants("alpha", "a") == 2; });
    CHECK(asker.snapshot()->participants("alpha", "a") == 2);
    co_await shard.stop();
  });
}

TEST_CASE("a shard that nobody can connect to has failed to answer") {
  run([](Core& core) -> Task<void> {
    Metrics metrics;
    Options options = quick();
    options.interval = seconds(60);
    Asker asker(core, options, metrics);

    asker.set_targets({{.shard = "a", .path = "/about/rooms", .addresses = {}, .tls = nullptr}});
    const bool all = co_await asker.all_asked(Clock::now() + seconds(30));

    CHECK(all);
    CHECK(asker.snapshot()->shards().empty());
  });
}
