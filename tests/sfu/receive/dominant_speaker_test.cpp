#include "sfu/receive/dominant_speaker.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <random>
#include <vector>

using namespace roomgate;
using namespace roomgate::sfu::receive;

namespace {

// A room in which everybody sends a packet each 20 ms; levels by RFC 6464: 0 loudest, 127 silence.
class Room {
 public:
  using Level = std::function<int(SpeakerId)>;

  explicit Room(std::size_t people) : people_(people) {}

  // Returns who became dominant, in order. A level of -1: no packet.
  std::vector<SpeakerId> run(Duration length, const Level& level) {
    std::vector<SpeakerId> changes;
    for (const TimePoint end = now_ + length; now_ < end; now_ += milliseconds(20)) {
      for (SpeakerId id = 1; id <= people_; ++id) {
        const int value = level(id);
        if (value >= 0) speaker_.on_level(id, static_cast<std::uint8_t>(value), now_);
      }
      if (now_ >= speaker_.next() && speaker_.tick(now_)) changes.push_back(*speaker_.dominant());
    }
    return changes;
  }
  DominantSpeaker& speaker() { return speaker_; }
  TimePoint now() const { return now_; }
  std::mt19937& random() { return random_; }

 private:
  DominantSpeaker speaker_;
  std::size_t people_;
  TimePoint now_{seconds(1000)};
  std::mt19937 random_{11};
};

using Changes = std::vector<SpeakerId>;

// An open microphone in a quiet room. Not 127: the noise floor comes from what is heard, and with nothing
// heard before it a voice that never varies would be taken for noise.
constexpr int kQuiet = 110;

}  // namespace

TEST_CASE("alone in the room means dominant") {
  Room room(1);
  CHECK(room.run(seconds(1), [](SpeakerId) { return kQuiet; }) == Changes{1});
}

TEST_CASE("a talker takes over from silence, and the next talker from him") {
  Room room(3);
  room.run(seconds(1), [](SpeakerId) { return kQuiet; });
  const auto talking = [&](SpeakerId who) {
    return
        [&room, who](SpeakerId id) { return id == who ? 25 + static_cast<int>(room.random()() % 6) : 120; };
  };
  room.run(seconds(1), [](SpeakerId) { return 120; });

  const Changes first = room.run(seconds(3), talking(2));
  CHECK(first == Changes{2});
  const Changes second = room.run(seconds(3), talking(3));
  CHECK(second == Changes{3});
  CHECK(room.speaker().dominant() == 3);
  CHECK(room.speaker().recent()[0] == 3);
  CHECK(room.speaker().recent()[1] == 2);
}

TEST_CASE("takes over within a second and a half of steady speech") {
  Room room(2);
  room.run(seconds(1), [](SpeakerId) { return kQuiet; });
  room.run(seconds(2), [](SpeakerId) { return kQuiet; });
  REQUIRE(room.speaker().dominant() == 1);

  room.run(milliseconds(1500), [](SpeakerId id) { return id == 2 ? 20 : kQuiet; });

  CHECK(room.speaker().dominant() == 2);
}

TEST_CASE("noise does not take over: neither a steady hum nor single knocks") {
  Room room(3);
  room.run(seconds(1), [](SpeakerId) { return kQuiet; });
  room.run(seconds(3),
           [&](SpeakerId id) { return id == 1 ? 25 + static_cast<int>(room.random()() % 6) : kQuiet; });
  REQUIRE(room.speaker().dominant() == 1);

  // 2 hums at a steady level, 3 knocks once a second; 1 goes on, with breaths.
  int tick = 0;
  const Changes changes = room.run(seconds(30), [&](SpeakerId id) {
    if (id == 1) ++tick;
    if (id == 1) return tick % 25 < 20 ? 30 : 90;
    if (id == 2) return 60 + static_cast<int>(room.random()() % 3);
    return tick % 50 == 0 ? 5 : kQuiet;
  });

  CHECK(changes.empty());
}

TEST_CASE("a hum alone in a quiet room stays below speech") {
  Room room(2);
  room.run(seconds(1), [](SpeakerId) { return kQuiet; });
  room.run(seconds(1), [](SpeakerId) { return kQuiet; });
  CHECK(room.run(seconds(30), [](SpeakerId id) { return id == 2 ? 70 : kQuiet; }).empty());
}

TEST_CASE("short words between do not take the floor") {
  Room room(2);
  room.run(seconds(1), [](SpeakerId) { return kQuiet; });
  int tick = 0;
  room.run(seconds(3), [](SpeakerId id) { return id == 1 ? 25 : kQuiet; });

  const Changes changes = room.run(seconds(20), [&](SpeakerId id) {
    if (id == 1) {
      ++tick;
      return 25;
    }
    return tick % 100 < 10 ? 20 : kQuiet;  // 200 ms of "yes" each two seconds
  });

  CHECK(changes.empty());
}

TEST_CASE("who stops sending counts as silent") {
  Room room(2);
  room.run(seconds(1), [](SpeakerId) { return kQuiet; });
  room.run(seconds(3), [](SpeakerId id) { return id == 1 ? 20 : kQuiet; });
  REQUIRE(room.speaker().dominant() == 1);

  room.run(seconds(3), [](SpeakerId id) { return id == 1 ? -1 : 25; });

  CHECK(room.speaker().dominant() == 2);
}

TEST_CASE("one loud packet after a long pause is not a second of speech") {
  Room room(2);
  room.run(seconds(1), [](SpeakerId) { return kQuiet; });
  room.run(seconds(3), [](SpeakerId id) { return id == 1 ? 120 : -1; });
  REQUIRE(room.speaker().dominant() == 1);
  room.speaker().on_level(2, 120, room.now() - seconds(2));

  room.speaker().on_level(2, 0, room.now());

  CHECK(room.run(milliseconds(400), [](SpeakerId id) { return id == 1 ? 120 : -1; }).empty());
}

TEST_CASE("who leaves is gone from the list, and somebody else leads") {
  Room room(3);
  room.run(seconds(1), [](SpeakerId) { return kQuiet; });
  for (const SpeakerId who : {1u, 2u, 3u}) {
    room.run(seconds(3), [&](SpeakerId id) { return id == who ? 20 : kQuiet; });
  }
  REQUIRE(room.speaker().recent().size() == 3);

  room.speaker().remove(3);

  CHECK_FALSE(room.speaker().dominant());
  CHECK(room.speaker().recent()[0] == 2);
  Room::Level rest = [](SpeakerId id) { return id == 2 ? 20 : id == 1 ? kQuiet : -1; };
  room.run(seconds(3), rest);
  CHECK(room.speaker().dominant() == 2);
}

TEST_CASE("the list holds ten, newest first, each once") {
  Room room(14);
  room.run(seconds(1), [](SpeakerId) { return kQuiet; });
  for (SpeakerId who = 1; who <= 14; ++who) {
    room.run(seconds(3), [&](SpeakerId id) { return id == who ? 20 : kQuiet; });
    REQUIRE(room.speaker().dominant() == who);
  }
  const auto recent = room.speaker().recent();
  REQUIRE(recent.size() == 10);
  for (std::size_t i = 0; i < 10; ++i) CHECK(recent[i] == 14 - i);
}

TEST_CASE("speakers are bounded, and forgotten after an hour") {
  DominantSpeaker speaker({.max_speakers = 2});
  const TimePoint start{seconds(1000)};
  speaker.on_level(1, 20, start);
  speaker.on_level(2, 127, start);
  speaker.on_level(3, 0, start);
  CHECK(speaker.tick(start));
  CHECK(speaker.dominant() == 1);

  // 2 is forgotten, which makes room for 3; the dominant one stays.
  const TimePoint later = start + std::chrono::hours(2);
  CHECK_FALSE(speaker.tick(later));
  for (int i = 0; i < 100; ++i) {
    const TimePoint now = later + milliseconds(20) * i;
    speaker.on_level(3, i < 10 ? kQuiet : 10, now);
    speaker.tick(now);
  }
  CHECK(speaker.dominant() == 3);
}

TEST_CASE("the noise floor is the least volume, and rises slowly after fifteen seconds") {
  TimePoint now{seconds(1000)};
  SpeakerActivity activity(now);
  const auto feed = [&](int volume, int samples) {
    for (int i = 0; i < samples; ++i) activity.on_volume(volume, now += milliseconds(20));
  };
  feed(40, 10);
  CHECK(activity.noise_floor() == 40);
  feed(10, 1);
  CHECK(activity.noise_floor() == 10);
  feed(0, 10);
  CHECK(activity.noise_floor() == 10);
  feed(40, 749);
  CHECK(activity.noise_floor() == 10);
  feed(40, 1);
  CHECK(activity.noise_floor() == 20);  // the geometric mean of 10 and 40
}

TEST_CASE("scores are the log likelihood ratios of the model") {
  TimePoint now{seconds(1000)};
  SpeakerActivity activity(now);
  activity.on_volume(1, now += milliseconds(20));  // floor 1
  for (int i = 0; i < 50; ++i) activity.on_volume(127, now += milliseconds(20));

  activity.evaluate();

  // 12 of 13: ln C(13,12) - 13 ln 2 - ln 0.78 + 0.78 * 12; likewise 5 of 5 and 10 of 10.
  CHECK(activity.immediate_score() == doctest::Approx(3.16250).epsilon(0.0001));
  CHECK(activity.medium_score() == doctest::Approx(113.35621).epsilon(0.0001));
  CHECK(activity.long_score() == doctest::Approx(459.21838).epsilon(0.0001));
}
