// rooms, rooms/KEY
#include <algorithm>
#include <boost/json/array.hpp>

#include "base/encoding.hpp"
#include "router/admin/replies.hpp"
#include "router/admin/resources.hpp"

namespace roomgate::router::admin {
namespace {

namespace json = boost::json;
using http::Method;
using MoveError = Subject::MoveError;

constexpr std::size_t kDefaultRooms = 100;
constexpr std::size_t kMaxRooms = 10'000;

json::object to_json(const RoomRow& row) {
  return {{"room", row.room},       {"shard", row.shard},           {"since", rfc3339(row.since)},
          {"tunnels", row.tunnels}, {"origin", row.origin},         {"why", row.why},
          {"region", row.region},   {"generation", row.generation}, {"provisional", row.provisional}};
}

ApiResponse list(Subject& subject, std::string_view query) {
  const auto limit = number_parameter(query, "limit", kDefaultRooms);
  if (!limit) return refuse(400, "limit is a number");
  const std::string sort = parameter(query, "sort");
  if (!sort.empty() && sort != "name" && sort != "tunnels") return refuse(400, "sort is name or tunnels");
  const std::string prefix = parameter(query, "prefix");
  const std::string shard = parameter(query, "shard");
  if (!shard.empty()) {
    const auto shards = subject.shards();
    if (std::ranges::find(shards, shard, &ShardRow::name) == shards.end())
      return no_such_shard(subject, shard);
  }
  json::array rooms;
  for (const RoomRow& row : subject.rooms({.prefix = prefix,
                            .shard = shard,
                            .order = sort == "tunnels" ? RoomQuery::Order::tunnels : RoomQuery::Order::name,
                            .limit = std::min(*limit, kMaxRooms)})) {
    rooms.push_back(to_json(row));
  }
  return reply(json::object{{"rooms", std::move(rooms)}, {"total", subject.status().rooms}});
}

ApiResponse no_such_room() {
  return refuse(404, "no such room: nobody is in it, or has asked for it lately");
}

ApiResponse move(Subject& subject, std::string_view key, std::string_view body) {
  const auto object = body_object(body);
  const auto to = object ? text_field(*object, "move") : std::nullopt;
  if (!to) return refuse(400, R"(the body is {"move":"SHARD"})");
  const auto moved = subject.move_room(key, *to);
  if (!moved) {
    switch (moved.error()) {
      case MoveError::no_such_room: return no_such_room();
      case MoveError::no_such_shard: return no_such_shard(subject, *to);
      case MoveError::shard_takes_none:
        return refuse(409, std::string(*to) + " takes no rooms now: it is down, drained or in maintenance");
      case MoveError::is_there: return refuse(409, "the room is on " + std::string(*to) + " already");
    }
  }
  // Under the name that it has in the table, whatever spelling was asked for.
  const auto row = subject.room(key);
  return reply(json::object{{"room", row ? row->room : std::string(key)},
                            {"from", moved->from},
                            {"to", *to},
                            {"generation", moved->generation},
                            {"tunnels", moved->tunnels}});
}

}  // namespace

ApiResponse rooms_resource(Subject& subject, const ApiRequest& request, std::string_view rest,
                           bool may_write) {
  if (rest.empty()) {
    return request.method == Method::get ? list(subject, request.query) : refuse(405, "GET");
  }
  const std::string key = percent_decode(rest);
  if (request.method == Method::get) {
    const auto row = subject.room(key);
    return row ? reply(to_json(*row)) : no_such_room();
  }
  if (request.method != Method::post && request.method != Method::del)
    return refuse(405, "GET, POST or DELETE");
  if (!may_write) return refuse(403, kNeedsToken);
  if (request.method == Method::post) return move(subject, key, request.body);
  if (!subject.forget(key)) return no_such_room();
  return reply(json::object{{"forgotten", key}});
}

}  // namespace roomgate::router::admin
