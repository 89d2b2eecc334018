// What a run is to be: options and scenarios as values. Made by main, read by everybody; any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "bench/roomload/media/sample.hpp"
#include "bench/roomload/network/profile.hpp"
#include "bench/roomload/signal/settings.hpp"
#include "bench/roomload/signal/url.hpp"
#include "bench/roomload/transport/dtls_client.hpp"

namespace roomgate::bench::roomload::session {

enum class Video { none, simulcast, single_720p, neutral };
// What each participant asks the bridge for.
enum class View {
  stage,     // one at 720p, the others at 180p
  tiles,     // all at 360p
  full,      // all at 720p
  changing,  // all at 720p, 180p, 360p, and again: another every kViewChange
};

inline constexpr Duration kViewChange = milliseconds(500);

// How the server is spoken to.
enum class Adapter { jitsi, janus };

struct Plan {
  Adapter adapter = Adapter::jitsi;
  std::uint32_t rooms = 1;
  std::uint32_t participants = 3;        // in each room
  std::optional<std::uint32_t> senders;  // in each room; all of them when it is not said
  bool senders_last = false;             // those who only watch are there before them
  Duration duration = seconds(60);       // after the ramp
  Duration ramp = seconds(10);           // from the first to the last that begins to join
  Video video = Video::simulcast;
  media::Codec codec = media::Codec::vp8;
  bool audio = true;
  View view = View::stage;
  int last_n = -1;
  Duration spread{};            // a frame's packets leave over this time
  Duration send_after{};        // nobody sends before this, counted from the first who begins to join
  bool transport_cc = true;     // transport-wide feedback both ways; else only reports
  bool ssrc_rewriting = false;  // the bridge may own the SSRCs
  // So many are read and checked, spread over the rooms. The others join and receive, but the kernel drops
  // their media unread.
  std::optional<std::uint32_t> read;
  network::Profile network{"none", "as it is", {}, {}};
  transport::SrtpChoice srtp = transport::SrtpChoice::any;
  std::size_t threads = 0;  // 0: as many as there are CPUs

  std::uint32_t asked() const { return rooms * participants; }
  bool reads(std::uint32_t number) const {
    if (!read) return true;
    const std::uint64_t room = number / participants;
    const std::uint64_t before = *read * room / rooms;
    return number % participants < *read * (room + 1) / rooms - before;
  }
  bool sends(std::uint32_t number_in_room) const {
    const std::uint32_t many = std::min(senders.value_or(participants), participants);
    return senders_last ? number_in_room >= participants - many : number_in_room < many;
  }
};

struct Limits {
  double max_loss = 100;  // per cent
  Duration max_join = Duration::max();
  Duration max_first_media = Duration::max();
  Duration max_latency = Duration::max();  // p99, of video
  std::uint64_t max_freezes = UINT64_MAX;
  std::uint32_t max_failed = 0;
  // Only those that were asked for are judged; failures always are.
  bool loss = false;
  bool join = false;
  bool first_media = false;
  bool latency = false;
  bool freezes = false;
};

// When the n-th of all begins to join. Rooms fill one after the other.
inline Duration start_of(const Plan& plan, std::uint32_t number) {
  return plan.asked() < 2 ? Duration() : plan.ramp * number / (plan.asked() - 1);
}

struct Scenario {
  std::string_view name;
  std::string_view words;
  Plan plan;
};
std::span<const Scenario> scenarios();

// "500ms", "60s", "2m", "1h".
std::optional<Duration> parse_duration(std::string_view text);
std::string to_text(Duration duration);
std::string_view to_text(Video video);
std::string_view to_text(View view);
std::string_view to_text(media::Codec codec);

}  // namespace roomgate::bench::roomload::session
