// Each flood by itself: its counter moves, the connection ends with ENHANCE_YOUR_CALM, and nothing grows
// meanwhile, though the client reads nothing.
#include "router/h2/floods.hpp"

#include <doctest.h>
#include <malloc.h>

#include <functional>

#include "tests/router/h2/client.hpp"

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::h2;

namespace {

struct Attack {
  Flood flood;
  std::function<std::string(std::uint32_t turn)> bytes;
  std::string before;
};

std::vector<Attack> attacks() {
  const auto id = [](std::uint32_t turn) { return 2 * turn + 1; };
  const std::string weight = number32(0) + "x";
  std::string endless_head;
  for (int i = 0; i < 100; ++i) endless_head += block({{"x", "y"}});
  const std::string large = block({{"x", std::string(4000, 'a')}});
  // One field in the dynamic table, then named again and again by one byte each.
  std::string bomb(1, 0x40);
  append_text("x-bomb", bomb);
  append_text(std::string(3000, 'b'), bomb);
  bomb.append(8000, static_cast<char>(0x80 | 62));
  // Five requests whose work goes on though the client has reset them.
  std::string abandoned;
  for (std::uint32_t turn = 0; turn < 5; ++turn) abandoned += headers(id(turn), get()) + rst(id(turn));
  return {
      {Flood::reset, [=](std::uint32_t turn) { return headers(id(turn), get()) + rst(id(turn)); }, ""},
      {Flood::settings, [](std::uint32_t) { return frame(NGHTTP2_SETTINGS, 0, 0); }, ""},
      {Flood::ping, [](std::uint32_t) { return frame(NGHTTP2_PING, 0, 0, "12345678"); }, ""},
      {Flood::priority, [=](std::uint32_t) { return frame(NGHTTP2_PRIORITY, 0, 3, weight); }, ""},
      {Flood::priority, [=](std::uint32_t) { return frame(0x10, 0, 0, number32(1) + "u=1"); }, ""},
      {Flood::window_update, [](std::uint32_t) { return window(0, 1); }, ""},
      {Flood::empty, [](std::uint32_t) { return data(1, ""); }, headers(1, post(), false)},
      {Flood::empty,
       [](std::uint32_t) {
         return frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, std::string(1, 9) + std::string(9, '\0'));
       },
       headers(1, post(), false)},
      {Flood::continuation, [=](std::uint32_t) { return frame(NGHTTP2_CONTINUATION, 0, 1, endless_head); },
       frame(NGHTTP2_HEADERS, 0, 1, block(get()))},
      {Flood::header_list,
       [=](std::uint32_t turn) {
         const std::string four = large + large + large + large;
         return frame(NGHTTP2_HEADERS, 0, id(turn), block(get()) + four) +
                frame(NGHTTP2_CONTINUATION, 0, id(turn), four) +
                frame(NGHTTP2_CONTINUATION, 0, id(turn), four) +
                frame(NGHTTP2_CONTINUATION, 0, id(turn), four) +
                frame(NGHTTP2_CONTINUATION, 0, id(turn), four);
       },
       ""},
      {Flood::header_list,
       [=](std::uint32_t turn) {
         return frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id(turn), block(get()) + bomb);
       },
       ""},
      {Flood::refused, [=](std::uint32_t turn) { return headers(id(turn + 5), get()); }, abandoned},
      {Flood::error,
       [=](std::uint32_t turn) {
         return headers(id(turn), get("/", {{"te", "x"}}));
       },
       ""},
      {Flood::other, [](std::uint32_t) { return frame(0xbe, 0, 0, "?"); }, ""},
      {Flood::other, [](std::uint32_t) { return frame(NGHTTP2_GOAWAY, 0, 0, number32(0) + number32(0)); },
       headers(1, post(), false)},
  };
}

}  // namespace

TEST_CASE("ends each flood, by its name") {
  for (const Attack& attack : attacks()) {
    INFO(label(attack.flood));
    Limits limits;
    if (attack.flood == Flood::refused) limits.streams = 5;
    Client client(limits);
    client.begin();
    client.send(attack.before);
    std::uint32_t turns = 0;
    for (; turns < 2000 && !client.server.finished(); ++turns) {
      client.send(attack.bytes(turns));
      // The shard is slow: no work ends. Only what is reset makes room.
      if (attack.flood == Flood::reset) {
        for (Stream* stream : client.requests) client.server.release(*stream);
        client.requests.clear();
      }
    }

    REQUIRE(client.server.flood());
    CHECK(label(*client.server.flood()) == label(attack.flood));
    CHECK(client.connection_error() == NGHTTP2_ENHANCE_YOUR_CALM);
    CHECK(client.server.finished());
    CHECK(turns < 600);
  }
}

TEST_CASE("grows for no flood, though the client reads nothing") {
  for (const Attack& attack : attacks()) {
    INFO(label(attack.flood));
    Limits limits;
    if (attack.flood == Flood::refused) limits.streams = 5;
    Client client(limits);
    client.begin();
    client.send(attack.before);
    // As large reads as sessions make.
    std::string batch;
    std::uint32_t turn = 0;
    const auto before = mallinfo2().uordblks;
    std::size_t most = 0;
    for (int reads = 0; reads < 50 && client.server.accepts_input(); ++reads) {
      batch.clear();
      while (batch.size() < 16 * 1024) batch += attack.bytes(turn++);
      const auto own = batch.capacity();
      client.send_only(batch);
      while (client.server.next_event()) {
      }
      const auto now = mallinfo2().uordblks;
      most = std::max(most, now > before + own ? now - before - own : 0);
    }
    CHECK(most < 256 * 1024);
    CHECK(turn > 0);
  }
}

TEST_CASE("lets through what browsers do") {
  Client client;
  client.begin();
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const std::uint32_t id = 2 * i + 1;
    client.now += milliseconds(100);
    client.send(headers(id, get()));
    client.answer(client.last_request(), std::string(3000, 'x'));
    client.collect();
    client.send(window(0, 3000));
    if (i % 10 == 0) client.send(frame(NGHTTP2_PING, 0, 0, "12345678"));
  }
  CHECK_FALSE(client.server.flood());
  CHECK(client.connection_error() == -1);
}

TEST_CASE("data that was sent pays for the windows it opens") {
  const Limits limits;
  Floods floods;
  const TimePoint now{seconds(5)};
  for (int i = 0; i < 100'000; ++i) {
    floods.sent_data(1024);
    REQUIRE(floods.take_window_update(limits, now));
    REQUIRE(floods.take_window_update(limits, now));
  }
  int more = 0;
  while (floods.take_window_update(limits, now)) ++more;
  CHECK(more >= 500);
  CHECK(more <= 11'000);
}
