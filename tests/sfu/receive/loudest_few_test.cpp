#include "sfu/receive/loudest_few.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>

using namespace roomgate;
using namespace roomgate::sfu::receive;

namespace {

constexpr std::uint8_t kSilence = 127;
constexpr std::uint8_t kMurmur = 70;
constexpr std::uint8_t kSoft = 45;
constexpr std::uint8_t kLoud = 20;

// A room of two places in which everybody sends a packet each 20 ms.
struct Room {
  LoudestFew few{{.places = 2, .from = 3}};
  std::deque<LoudestFew::Voice> voices;
  std::vector<std::uint8_t> levels;
  TimePoint now{};

  explicit Room(std::size_t people) : voices(people), levels(people, kSilence) {
    few.set_microphones(people);
  }
  void pass(Duration time) {
    for (const TimePoint end = now + time; now < end;) {
      now += milliseconds(20);
      for (std::size_t i = 0; i < voices.size(); ++i) few.on_level(voices[i], levels[i], now);
    }
  }
  bool on_air(std::size_t i) const { return few.on_air(voices[i]); }
  std::size_t count() const {
    return static_cast<std::size_t>(
        std::count_if(voices.begin(), voices.end(), [this](const auto& v) { return few.on_air(v); }));
  }
};

}  // namespace

TEST_CASE("in a small room everybody is on air, also whoever is silent") {
  Room room(2);

  room.pass(seconds(1));

  CHECK(room.count() == 2);
}

TEST_CASE("in a large room nobody who is silent is on air, and never more than there are places") {
  Room room(10);
  room.pass(seconds(1));
  const std::size_t silent = room.count();
  std::fill(room.levels.begin(), room.levels.end(), kLoud);
  room.pass(seconds(5));

  CHECK(silent == 0);
  CHECK(room.count() == 2);
}

TEST_CASE("the first loud packet gets a free place, so that no word begins without its beginning") {
  Room room(5);
  room.pass(seconds(10));

  room.levels[3] = kSoft;
  room.pass(milliseconds(20));

  CHECK(room.on_air(3));
}

TEST_CASE("the first loud packet gets the place of whoever has been quiet the longest") {
  Room room(5);
  room.levels = {kSoft, kSilence, kSilence, kSilence, kSilence};
  room.pass(seconds(1));
  room.levels = {kSilence, kSoft, kSilence, kSilence, kSilence};
  room.pass(seconds(2));

  room.levels[2] = kSoft;
  room.pass(milliseconds(20));

  CHECK(!room.on_air(0));
  CHECK(room.on_air(1));
  CHECK(room.on_air(2));
}

TEST_CASE("a place is kept as long as nobody needs it") {
  Room room(5);
  room.levels[0] = kSoft;
  room.pass(seconds(1));
  room.levels[0] = kSilence;

  room.pass(std::chrono::hours(1));

  CHECK(room.on_air(0));
}

TEST_CASE("who speaks is not cut for somebody who is as loud, nor in a pause between words") {
  Room room(5);
  room.levels = {kSoft, kSoft, kSilence, kSilence, kSilence};
  room.pass(seconds(2));

  room.levels[2] = kSoft;
  bool always = true;
  for (int i = 0; i < 10; ++i) {
    room.levels[0] = i % 2 == 0 ? kSilence : kSoft;
    room.pass(milliseconds(800));
    always = always && room.on_air(0) && room.on_air(1);
  }

  CHECK(always);
}

TEST_CASE("when all speak, a clearly louder voice takes the place of the softest") {
  Room room(5);
  room.levels = {kLoud, kSoft, kSilence, kSilence, kSilence};
  room.pass(seconds(2));

  room.levels[2] = kLoud;
  room.pass(seconds(1));

  CHECK(room.on_air(0));
  CHECK(!room.on_air(1));
  CHECK(room.on_air(2));
}

TEST_CASE("a murmur takes no place") {
  Room room(5);
  room.levels[0] = kMurmur;

  room.pass(seconds(10));

  CHECK(!room.on_air(0));
}

TEST_CASE("who spoke in a small room is not cut when it grows") {
  Room room(4);
  room.few.set_microphones(2);
  room.levels[1] = kSoft;
  room.pass(seconds(1));

  room.few.set_microphones(4);

  CHECK(room.on_air(1));
  CHECK(!room.on_air(2));
}

TEST_CASE("who leaves gives the place back") {
  Room room(5);
  room.levels = {kSoft, kSoft, kSoft, kSilence, kSilence};
  room.pass(seconds(1));
  REQUIRE(!room.on_air(2));

  room.few.remove(room.voices[0]);
  room.levels[0] = kSilence;
  room.pass(milliseconds(20));

  CHECK(room.on_air(2));
}

TEST_CASE("without a bound everybody is on air") {
  LoudestFew few({.places = 0, .from = 0});
  LoudestFew::Voice voice;

  few.set_microphones(1000);
  few.on_level(voice, kLoud, TimePoint() + seconds(1));

  CHECK(few.on_air(voice));
}
