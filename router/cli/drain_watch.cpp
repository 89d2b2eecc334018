#include "router/cli/drain_watch.hpp"

#include <algorithm>

#include "router/admin/words.hpp"
#include "router/cli/endpoint.hpp"
#include "router/cli/text.hpp"

namespace roomgate::router::cli {

using std::chrono::duration_cast;
using std::chrono::seconds;

DrainWatch::Outcome DrainWatch::see(const boost::json::object& row) {
  row_ = row;
  const auto* drain = row.if_contains("drain");
  drain_ = drain != nullptr && drain->is_object() ? drain->get_object() : boost::json::object();
  const auto rooms = count_of(row, "rooms");
  const auto tunnels = count_of(row, "tunnels");
  changed_ = first_ || rooms != rooms_ || tunnels != tunnels_;
  first_ = false;
  rooms_ = rooms;
  tunnels_ = tunnels;
  if (text_of(row, "state") == "ready" && !flag_of(row, "leaving")) return Outcome::called_off;
  return rooms == 0 && tunnels == 0 ? Outcome::empty : Outcome::waits;
}

std::string DrainWatch::line(std::chrono::system_clock::time_point now) const {
  std::string text = shard_ + ": ";
  if (rooms_ == 0 && tunnels_ == 0) return text + "empty";
  const auto at_start = count_of(drain_, "rooms_at_start");
  text += at_start > rooms_ ? std::to_string(rooms_) + " of " + admin::counted(at_start, "room")
                            : admin::counted(rooms_, "room");
  text += ", " + admin::counted(tunnels_, "tunnel") + " left";
  if (const auto since = parse_rfc3339(text_of(drain_, "since"))) {
    text += ", for " + admin::age(duration_cast<seconds>(now - *since));
  }
  if (const auto deadline = parse_rfc3339(text_of(drain_, "deadline"))) {
    text += *deadline > now
                ? "; what is left is moved in " + admin::age(duration_cast<seconds>(*deadline - now))
                : "; what is left is being moved";
  }
  return text;
}

boost::json::object DrainWatch::json() const {
  boost::json::object out{
      {"shard", shard_}, {"rooms", rooms_}, {"tunnels", tunnels_}, {"empty", rooms_ == 0 && tunnels_ == 0}};
  for (const auto& [key, value] : drain_) {
    if (!out.contains(key)) out[key] = value;
  }
  return out;
}

}  // namespace roomgate::router::cli
