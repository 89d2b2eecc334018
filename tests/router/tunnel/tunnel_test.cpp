// The farewell of a tunnel, over socket pairs: what its client and its shard get to read, byte by byte.
#include "router/tunnel/tunnel.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <optional>
#include <string>

#include "base/net/sleep.hpp"
#include "base/net/stream.hpp"
#include "tests/support/on_core.hpp"

using namespace roomgate;
using namespace roomgate::net;
using namespace roomgate::router::tunnel;
using roomgate::tests::run;

namespace {

const std::string kBye = "\x88\x02\x03\xe9";  // a server's Close 1001
const std::string kText =
    "\x81\x05"
    "hello";
constexpr Duration kPatience = seconds(30);

struct Far {
  Far(Core& on, int descriptor) : core(on), stream(on, descriptor) {}

  Core& core;
  Stream stream;
  std::string got;

  Task<void> send(std::string bytes) { CHECK((co_await stream.write_all(as_bytes(bytes), kPatience)).ok()); }
  // Until so many bytes have come; false: the end came first.
  Task<bool> have(std::size_t size) {
    std::array<std::uint8_t, 4096> bytes{};
    while (got.size() < size) {
      const auto read = co_await stream.read_some(bytes, core.now() + kPatience);
      if (!read || *read == 0) co_return false;
      got.append(as_text(ByteView(bytes).first(*read)));
    }
    co_return true;
  }
  Task<void> have_end() { CHECK_FALSE(co_await have(SIZE_MAX)); }
};

struct Pair {
  std::unique_ptr<Stream> near;
  std::unique_ptr<Far> far;

  explicit Pair(Core& core, int buffer) {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    if (buffer > 0) ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    near = std::make_unique<Stream>(core, ends[0]);
    far = std::make_unique<Far>(core, ends[1]);
  }
};

// A tunnel with both far ends in the test's hands.
struct Scene final : Tunnel::Owner {
  Core& core;
  Event ended;
  std::optional<Totals> totals;
  Pair client_side;
  Pair shard_side;
  Far& client;
  Far& shard;
  std::unique_ptr<Tunnel> tunnel;

  explicit Scene(Core& on, Limits limits = {}, int buffer = 0)
      : core(on),
        ended(on),
        client_side(on, buffer),
        shard_side(on, 0),
        client(*client_side.far),
        shard(*shard_side.far),
        tunnel(std::make_unique<Tunnel>(on, std::move(client_side.near), std::move(shard_side.near), limits,
                                        *this)) {
    tunnel->start({}, {});
  }

  void on_end(const Totals& at_end) override {
    totals = at_end;
    tunnel.reset();
    ended.set();
  }
};

// A client's frame: the mask is all zeros, so that its payload can be read.
std::string masked(char first, const std::string& payload) {
  return std::string{first, static_cast<char>(0x80 | payload.size()), 0, 0, 0, 0} + payload;
}
bool is_masked_close(const std::string& bytes) {
  if (bytes.size() != 8 || bytes.substr(0, 2) != "\x88\x82") return false;
  const auto byte = [&bytes](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  return ((byte(6) ^ byte(2)) << 8 | (byte(7) ^ byte(3))) == 1001;
}

}  // namespace

TEST_CASE("leaves a quiet tunnel with a Close to both, and ends when both have answered") {
  run([](Core& core) -> Task<void> {
    Scene scene(core);
    co_await scene.shard.send(kText);
    CHECK(co_await scene.client.have(kText.size()));

    scene.tunnel->leave();

    CHECK(co_await scene.client.have(kText.size() + kBye.size()));
    CHECK(scene.client.got == kText + kBye);
    CHECK(co_await scene.shard.have(8));
    CHECK(is_masked_close(scene.shard.got));
    co_await scene.client.send(masked('\x88', "\x03\xe9"));
    co_await scene.shard.send(kBye);
    co_await scene.client.have_end();
    CHECK(co_await scene.ended.wait(core.now() + kPatience));
    CHECK(scene.client.got == kText + kBye);
    CHECK(scene.shard.got.size() == 8);
    CHECK(scene.totals->end == End::moved);
    CHECK(to_string(scene.totals->end) == "moved");
  });
}

TEST_CASE("a tunnel whose time is over says so in its end, whether both answer its Close or nobody does") {
  run([](Core& core) -> Task<void> {
    for (const bool answered : {true, false}) {
      Scene scene(core);
      co_await scene.shard.send(kText);
      CHECK(co_await scene.client.have(kText.size()));

      scene.tunnel->leave(End::interrupted);

      CHECK(co_await scene.client.have(kText.size() + kBye.size()));
      if (answered) {
        co_await scene.client.send(masked('\x88', "\x03\xe9"));
        co_await scene.shard.send(kBye);
      }
      CHECK(co_await scene.ended.wait(core.now() + kPatience));
      CHECK(scene.totals->end == End::interrupted);
    }
  });
}

TEST_CASE("the Close waits for the end of a frame, and what the shard says behind that is dropped") {
  run([](Core& core) -> Task<void> {
    Scene scene(core);
    const std::string half =
        "\x82\x0a"
        "01234";
    co_await scene.shard.send(half);
    CHECK(co_await scene.client.have(half.size()));

    scene.tunnel->leave();
    co_await scene.client.send(masked('\x81', "up"));
    CHECK(co_await scene.shard.have(8));
    CHECK(scene.shard.got == masked('\x81', "up"));
    co_await scene.shard.send("56789" + kText + kText);

    CHECK(co_await scene.client.have(12 + kBye.size()));
    CHECK(scene.client.got ==
          "\x82\x0a"
          "0123456789" +
              kBye);
    CHECK(co_await scene.shard.have(16));
    CHECK(is_masked_close(scene.shard.got.substr(8)));
    co_await scene.shard.send(kText + kBye);
    co_await scene.client.send(masked('\x81', "late") + masked('\x88', "\x03\xe9"));
    co_await scene.client.have_end();
    CHECK(co_await scene.ended.wait(core.now() + kPatience));
    CHECK(scene.client.got.size() == 12 + kBye.size());
    CHECK(scene.shard.got.size() == 16);
  });
}

TEST_CASE("the shard hears its Close only behind the frame that the client is in the middle of") {
  run([](Core& core) -> Task<void> {
    Scene scene(core);
    const std::string frame = masked('\x81', "something");
    co_await scene.client.send(frame.substr(0, 9));
    CHECK(co_await scene.shard.have(9));

    scene.tunnel->leave();
    CHECK(co_await scene.client.have(kBye.size()));
    co_await scene.client.send(frame.substr(9) + masked('\x81', "more"));

    CHECK(co_await scene.shard.have(frame.size() + 8));
    CHECK(scene.shard.got.substr(0, frame.size()) == frame);
    CHECK(is_masked_close(scene.shard.got.substr(frame.size())));
    scene.tunnel->interrupt();
    CHECK(co_await scene.ended.wait(core.now() + kPatience));
    CHECK(scene.totals->end == End::moved);
  });
}

TEST_CASE("a frame that does not end in time is cut: no Close in the middle of it") {
  run([](Core& core) -> Task<void> {
    Scene scene(core, {.farewell = milliseconds(20)});
    const std::string half =
        "\x82\x7e\x10\x00"
        "01234";
    co_await scene.shard.send(half);
    CHECK(co_await scene.client.have(half.size()));

    scene.tunnel->leave();

    co_await scene.client.have_end();
    CHECK(scene.client.got == half);
    CHECK(co_await scene.ended.wait(core.now() + kPatience));
    CHECK(scene.totals->end == End::moved);
  });
}

TEST_CASE("who does not answer is not waited for longer than the farewell") {
  run([](Core& core) -> Task<void> {
    Scene scene(core, {.farewell = milliseconds(20)});

    scene.tunnel->leave();
    scene.tunnel->leave();

    co_await scene.client.have_end();
    CHECK(scene.client.got == kBye);
    CHECK(co_await scene.ended.wait(core.now() + kPatience));
    CHECK(scene.totals->end == End::moved);
  });
}

TEST_CASE("a write that waits for a slow client is finished before the Close") {
  run([](Core& core) -> Task<void> {
    Scene scene(core, {.farewell = kPatience}, 4096);
    std::string frame("\x82\x7f\0\0\0\0\0\x04\0\0", 10);
    frame.append(0x40000, 'x');
    core.spawn(scene.shard.send(frame));
    CHECK(co_await scene.client.have(1));

    scene.tunnel->leave();

    CHECK(co_await scene.client.have(frame.size() + kBye.size()));
    CHECK(scene.client.got == frame + kBye);
    scene.tunnel->interrupt();
    CHECK(co_await scene.ended.wait(core.now() + kPatience));
  });
}

TEST_CASE("a Close of the shard's own is not followed by one of ours") {
  run([](Core& core) -> Task<void> {
    Scene scene(core);
    const std::string own = "\x88\x02\x03\xe8";
    co_await scene.shard.send(own);
    CHECK(co_await scene.client.have(own.size()));

    scene.tunnel->leave();
    co_await scene.client.send(masked('\x88', "\x03\xe8"));

    co_await scene.client.have_end();
    CHECK(scene.client.got == own);
    CHECK(co_await scene.ended.wait(core.now() + kPatience));
    CHECK(scene.totals->end == End::moved);
  });
}

TEST_CASE("a tunnel that one side has ended already is ended at once") {
  run([](Core& core) -> Task<void> {
    Scene scene(core);
    scene.shard.stream.shutdown_write();
    co_await scene.client.have_end();

    scene.tunnel->leave();

    CHECK(co_await scene.ended.wait(core.now() + kPatience));
    CHECK(scene.totals->end == End::moved);
    CHECK(scene.client.got.empty());
  });
}
