#include "router/handover/link.hpp"

#include <doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <map>

using namespace roomgate;
using namespace roomgate::router::handover;

namespace {

// Two links that talk to each other on one core, until the test has seen what it waits for.
struct Pair {
  Pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0); }
  // Ends as a failure, not as a hang.
  struct Patience final : TimerWheel::Timer {
    explicit Patience(net::Core& on) : core(on) { core.schedule(*this, Clock::now() + seconds(20)); }
    void on_expire() override { core.stop(); }
    net::Core& core;
  };
  net::Core core{0};
  Patience patience{core};
  std::array<int, 2> ends{-1, -1};
};

}  // namespace

TEST_CASE("a link carries messages in order, a table among them, whatever the socket takes at once") {
  Pair pair;
  const std::string image(5 * 1024 * 1024 + 7, 'i');
  std::string table;
  bool last = false;
  std::vector<std::string> keys;
  Link receiver(pair.core, pair.ends[1],
                {.on_message =
                     [&](Message message) {
                       if (const auto* piece = std::get_if<Table>(&message)) {
                         table += piece->bytes;
                         last = piece->last;
                       } else if (const auto* holds = std::get_if<Holds>(&message)) {
                         keys.push_back(holds->key + (last ? " after" : " before"));
                         if (holds->key == "two") pair.core.stop();
                       }
                     },
                 .on_end = {}});
  Link sender(pair.core, pair.ends[0], {.on_message = [](Message) {}, .on_end = {}});

  sender.start();
  receiver.start();
  sender.send(Holds{"one", 1});
  sender.send_table(image);
  sender.send(Holds{"two", 1});
  pair.core.run();

  CHECK(table == image);
  CHECK(keys == std::vector<std::string>{"one before", "two after"});
}

TEST_CASE("descriptors come with their messages") {
  Pair pair;
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  auto inlet = std::make_unique<Inlet>();
  Inlet& incoming = *inlet;
  std::map<std::string, int> got;
  Link receiver(pair.core, pair.ends[1],
                {.on_message =
                     [&](Message message) {
                       if (const auto* what = std::get_if<Descriptor>(&message)) {
                         got[what->address] = incoming.take_descriptor();
                       } else {
                         pair.core.stop();
                       }
                     },
                 .on_end = {}},
                std::move(inlet));
  Link sender(pair.core, pair.ends[0], {.on_message = [](Message) {}, .on_end = {}});

  sender.start();
  receiver.start();
  for (int i = 0; i < 300; ++i) {
    sender.send_descriptor({.address = std::to_string(i)}, pipe[static_cast<std::size_t>(i % 2)]);
  }
  sender.send(Offered{});
  pair.core.run();

  REQUIRE(got.size() == 300);
  // Each is the end of the pipe it should be: what goes in at 299 comes out at 0.
  REQUIRE(::write(got["299"], "x", 1) == 1);
  char byte = 0;
  CHECK(::read(got["0"], &byte, 1) == 1);
  CHECK(incoming.take_descriptor() == -1);
  for (const auto& [address, descriptor] : got) ::close(descriptor);
  for (const int end : pipe) ::close(end);
}

TEST_CASE("a link tells its end once, behind what was said last") {
  Pair pair;
  std::vector<std::string> told;
  Link receiver(pair.core, pair.ends[1],
                {.on_message = [&](Message) { told.emplace_back("message"); },
                 .on_end =
                     [&](std::string_view) {
                       told.emplace_back("end");
                       pair.core.stop();
                     }});
  Link sender(pair.core, pair.ends[0], {.on_message = [](Message) {}, .on_end = {}});

  sender.start();
  sender.send(Go{});
  sender.close();
  receiver.start();
  pair.core.run();

  CHECK(told == std::vector<std::string>{"message", "end"});
  CHECK_FALSE(receiver.open());
}

TEST_CASE("a link ends on nonsense") {
  Pair pair;
  std::string why;
  Link receiver(pair.core, pair.ends[1],
                {.on_message = [](Message) {},
                 .on_end =
                     [&](std::string_view said) {
                       why = said;
                       pair.core.stop();
                     }});

  receiver.start();
  REQUIRE(::send(pair.ends[0], "GET / HTTP/1.1\r\n", 16, 0) == 16);
  pair.core.run();
  ::close(pair.ends[0]);

  CHECK(why == "it has no size that makes sense");
}

TEST_CASE("who is at the other end of a socket is this process itself") {
  Pair pair;

  const auto peer = peer_of(pair.ends[0]);

  REQUIRE(peer.has_value());
  CHECK(peer->pid == ::getpid());
  CHECK(peer->uid == ::geteuid());
  for (const int end : pair.ends) ::close(end);
}
