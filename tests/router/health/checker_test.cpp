#include "router/health/checker.hpp"

#include <doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>

#include "base/net/acceptor.hpp"
#include "base/net/waiter.hpp"
#include "tests/support/on_core.hpp"

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::health;
using balance::Outcome;
using net::Core;
using net::Task;
using roomgate::tests::run;

namespace {

// A port of the loopback address. Nobody accepts: whoever listens lets connect and says nothing, else
// connections are refused, and the port is nobody else's all the same.
class Port {
 public:
  enum class Kind { silent, refusing };
  explicit Port(Kind kind)
      : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        wanted_(*Address::parse("127.0.0.1:0")) {
    REQUIRE(::bind(descriptor_, wanted_.data(), wanted_.size()) == 0);
    if (kind == Kind::silent) REQUIRE(::listen(descriptor_, 100) == 0);
  }
  ~Port() { ::close(descriptor_); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  std::string address() const { return net::bound_address(descriptor_).value().to_string(); }

 private:
  int descriptor_;
  Address wanted_;
};

// What a checker says, one after the other.
class Heard {
 public:
  explicit Heard(Core& core) : waiter_(core) {}

  Checker::OnChange listener() {
    return [this](const std::string&, const Verdict& verdict) {
      verdicts_.push_back(verdict);
      waiter_.wake({});
    };
  }
  Task<Verdict> next() {
    while (verdicts_.empty()) (void)co_await waiter_.wait(TimePoint::max());
    Verdict verdict = verdicts_.front();
    verdicts_.pop_front();
    co_return verdict;
  }
  bool empty() const { return verdicts_.empty(); }

 private:
  net::Waiter waiter_;
  std::deque<Verdict> verdicts_;
};

// GCC 12 makes nothing of braces around what is awaited.
Task<Answer> ask_at(Core& core, std::shared_ptr<const Options> how, const Port* first = nullptr,
                    const Port* second = nullptr) {
  std::vector<std::string> addresses;
  if (first != nullptr) addresses.push_back(first->address());
  if (second != nullptr) addresses.push_back(second->address());
  return ask(core, std::move(how), std::move(addresses), nullptr);
}

std::shared_ptr<const Options> asking(std::string path, Duration timeout = seconds(30)) {
  return std::make_shared<const Options>(Options{.path = std::move(path), .timeout = timeout});
}

Target target(std::string name, const Port& at, bool check = true) {
  return {.name = std::move(name), .addresses = {at.address()}, .check = check};
}
std::vector<Target> one(std::string name, const Port& at, bool check = true) {
  return {target(std::move(name), at, check)};
}

// A connect is a check; the first failure takes a shard down.
Options connecting() {
  return {.path = "",
          .timeout = seconds(30),
          .settings = {.rise = 2, .fall = 1, .interval_fast = milliseconds(1)}};
}

}  // namespace

TEST_CASE("one address that answers well is enough, and of failures the mildest counts") {
  run([](Core& core) -> Task<void> {
    const Port refusing(Port::Kind::refusing);
    const Port silent(Port::Kind::silent);

    CHECK((co_await ask_at(core, asking(""), &refusing, &silent)).ok);

    const Answer refused = co_await ask_at(core, asking(""), &refusing);
    CHECK(refused.outcome() == Outcome::failed);
    CHECK(refused.reason == "connect: connection refused");
    CHECK((co_await ask_at(core, asking(""))).outcome() == Outcome::failed);

    const Answer mute = co_await ask_at(core, asking("/", milliseconds(1)), &silent);
    CHECK(mute.outcome() == Outcome::soft);
    const Answer mildest = co_await ask_at(core, asking("/", milliseconds(1)), &refusing, &silent);
    CHECK(mildest.outcome() == Outcome::soft);
  });
}

TEST_CASE("new settings and new addresses leave what is known about a shard") {
  run([](Core& core) -> Task<void> {
    const Port refusing(Port::Kind::refusing);
    const Port listening(Port::Kind::silent);
    Metrics metrics;
    Heard heard(core);
    Checker checker(core, connecting(), metrics, heard.listener());
    checker.set_targets(one("s", refusing));
    CHECK_FALSE((co_await heard.next()).up);

    Options other = connecting();
    other.settings.interval = seconds(60);
    checker.set_options(other);
    CHECK(heard.empty());
    checker.set_targets(one("s", listening));

    const Verdict first = co_await heard.next();
    CHECK(first.last.ok);
    CHECK_FALSE(first.up);  // one good check of two
    const Verdict second = co_await heard.next();
    CHECK(second.up);
    CHECK(second.changed_at > first.changed_at);
  });
}

TEST_CASE("a shard that is not checked any more counts as up") {
  run([](Core& core) -> Task<void> {
    const Port refusing(Port::Kind::refusing);
    Metrics metrics;
    Heard heard(core);
    Checker checker(core, connecting(), metrics, heard.listener());
    checker.set_targets(one("s", refusing));
    CHECK_FALSE((co_await heard.next()).up);

    Options off = connecting();
    off.enabled = false;
    checker.set_options(off);
    REQUIRE_FALSE(heard.empty());
    CHECK((co_await heard.next()).up);

    checker.set_options(connecting());
    CHECK_FALSE((co_await heard.next()).up);
    checker.set_targets(one("s", refusing, false));
    REQUIRE_FALSE(heard.empty());
    CHECK((co_await heard.next()).up);
  });
}

TEST_CASE("connections that fail in one moment are one failure") {
  run([](Core& core) -> Task<void> {
    const Port listening(Port::Kind::silent);
    Metrics metrics;
    Heard heard(core);
    Options options = connecting();
    options.settings = {.rise = 1, .fall = 2, .interval = seconds(60), .interval_fast = seconds(60)};
    Checker checker(core, options, metrics, heard.listener());
    checker.set_targets(one("s", listening));
    CHECK((co_await heard.next()).up);

    for (int i = 0; i < 100; ++i) checker.connect_failed("s", false);
    const Verdict doubt = co_await heard.next();
    CHECK(doubt.up);
    CHECK(doubt.soft);

    // The check that it made at once takes it back.
    const Verdict after = co_await heard.next();
    CHECK(after.up);
    CHECK_FALSE(after.soft);
    CHECK(metrics.health_checks.with({"s", "observed"}).value() == 1);
    checker.connect_failed("unknown", false);
  });
}

TEST_CASE("connections that fail count for nothing where that is off, or where nothing is checked") {
  run([](Core& core) -> Task<void> {
    const Port listening(Port::Kind::silent);
    Metrics metrics;
    Heard heard(core);
    Options options = connecting();
    options.observe = false;
    std::vector<Target> both = one("s", listening);
    both.push_back(target("t", listening, false));
    Checker checker(core, options, metrics, heard.listener());
    checker.set_targets(both);
    CHECK((co_await heard.next()).up);

    checker.connect_failed("s", false);
    options.observe = true;
    checker.set_options(options);
    checker.connect_failed("t", false);
    CHECK(metrics.health_checks.with({"s", "observed"}).value() == 0);
    CHECK(metrics.health_checks.with({"t", "observed"}).value() == 0);

    checker.connect_failed("s", false);
    CHECK_FALSE((co_await heard.next()).up);
  });
}
