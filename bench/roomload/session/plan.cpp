#include "bench/roomload/session/plan.hpp"

#include <charconv>
#include <vector>

namespace roomgate::bench::roomload::session {
namespace {

std::vector<Scenario> all_scenarios() {
  Plan one_big_room;
  one_big_room.participants = 50;
  one_big_room.senders = 10;
  Plan many_small_rooms;
  many_small_rooms.rooms = 20;
  many_small_rooms.participants = 5;
  Plan webinar;
  webinar.participants = 200;
  webinar.senders = 3;
  webinar.view = View::full;
  webinar.ramp = seconds(20);
  Plan join_storm;
  join_storm.rooms = 20;
  join_storm.participants = 10;
  join_storm.senders = 2;
  join_storm.ramp = seconds(1);
  join_storm.duration = seconds(20);
  // A class of 24: the teacher, or whoever speaks, large, the others small (HPI's load tests of 2020).
  Plan school;
  school.participants = 24;
  return {
      {"one-big-room", "50 in a room, 10 of them sending", one_big_room},
      {"many-small-rooms", "20 rooms of 5, all sending", many_small_rooms},
      {"webinar", "3 senders, 197 who watch them at 720p", webinar},
      {"join-storm", "200 people into 20 rooms within a second", join_storm},
      {"school", "24 in a room, each sees one at 720p and 22 at 180p", school},
  };
}

}  // namespace

std::span<const Scenario> scenarios() {
  static const std::vector<Scenario> all = all_scenarios();
  return all;
}

std::optional<Duration> parse_duration(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error != std::errc() || number < 0 || number > 1e6) return std::nullopt;
  double factor = 0;
  if (unit == "ms") factor = 1e-3;
  if (unit == "s") factor = 1;
  if (unit == "m") factor = 60;
  if (unit == "h") factor = 3600;
  if (factor == 0) return std::nullopt;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(number * factor));
}

std::string to_text(Duration duration) {
  const auto ms = std::chrono::duration_cast<milliseconds>(duration).count();
  if (ms < 10'000 && ms % 1000 != 0) return std::to_string(ms) + " ms";
  return std::to_string(ms / 1000) + " s";
}

std::string_view to_text(Video video) {
  switch (video) {
    case Video::none: return "none";
    case Video::simulcast: return "vp8-simulcast";
    case Video::single_720p: return "vp8-720p";
    case Video::neutral: return "neutral";
  }
  return "none";
}

std::string_view to_text(View view) {
  switch (view) {
    case View::stage: return "stage";
    case View::tiles: return "tiles";
    case View::full: return "full";
    case View::changing: return "changing";
  }
  return "stage";
}

std::string_view to_text(media::Codec codec) {
  switch (codec) {
    case media::Codec::vp8: return "VP8";
    case media::Codec::vp9: return "VP9";
    case media::Codec::h264: return "H264";
    case media::Codec::av1: return "AV1";
    case media::Codec::opus: return "opus";
    case media::Codec::unknown:
    case media::Codec::telephone_event:
    case media::Codec::rtx: break;
  }
  return "unknown";
}

}  // namespace roomgate::bench::roomload::session
