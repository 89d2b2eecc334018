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

constexpr std::string_view kNoOwner =
    "the front door that decides about this room did not answer in time: try again (roomgate peers)";

constexpr std::string_view kForAll =
    "a room moves, or is forgotten, for all front doors or for none: at one alone it would be split";

json::object to_json(const RoomRow& row) {
  json::object out{
      {"room", row.room},       {"shard", row.shard},           {"since", rfc3339(row.since)},
      {"tunnels", row.tunnels}, {"origin", row.origin},         {"why", row.why},
      {"region", row.region},   {"generation", row.generation}, {"provisional", row.provisional}};
  // Only where there are others.
  if (!row.owner.empty()) {
    out["owner"] = row.owner;
    out["holders"] = json::array(row.holders.begin(), row.holders.end());
    out["split"] = row.split;
    out["tunnels_here"] = row.tunnels_here;
    out["all_counted"] = row.all_counted;
  }
  return out;
}

net::Task<ApiResponse> list_split(Subject& subject, std::size_t limit) {
  const auto rows = co_await subject.split_rooms(limit);
  json::array rooms;
  for (RoomRow row : rows) {
    row.tunnels_here = row.tunnels;
    row.all_counted = false;
    rooms.push_back(to_json(row));
  }
  co_return reply(json::object{{"rooms", std::move(rooms)}, {"total", subject.status().rooms}});
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

ApiResponse refuse_move(Subject& subject, MoveError error, std::string_view to) {
  switch (error) {
    case MoveError::no_such_room: return no_such_room();
    case MoveError::no_such_shard: return no_such_shard(subject, to);
    case MoveError::shard_takes_none:
      return refuse(409, std::string(to) + " takes no rooms now: it is down, drained or in maintenance");
    case MoveError::is_there: return refuse(409, "the room is on " + std::string(to) + " already");
    case MoveError::no_owner: return refuse(503, kNoOwner);
    case MoveError::here_only: return refuse(409, kForAll);
  }
  return refuse(500, "not moved");
}

net::Task<ApiResponse> move(Subject& subject, std::string_view key, const ApiRequest& request) {
  const auto object = body_object(request.body);
  const auto to = object ? text_field(*object, "move") : std::nullopt;
  if (!to) co_return refuse(400, R"(the body is {"move":"SHARD"})");
  const auto moved = co_await subject.move_room(key, *to, scope_of(request.query));
  if (!moved) co_return refuse_move(subject, moved.error(), *to);
  // Under the name that it has in the table, whatever spelling was asked for.
  const auto row = co_await subject.room(key);
  json::object out{{"room", row ? row->room : std::string(key)},
                   {"from", moved->from},
                   {"to", *to},
                   {"generation", moved->generation},
                   {"tunnels", moved->tunnels}};
  co_return reply(out);
}

net::Task<ApiResponse> forget(Subject& subject, std::string_view key, Scope scope) {
  const auto done = co_await subject.forget(key, scope);
  switch (done) {
    case Subject::Forgotten::yes: break;
    case Subject::Forgotten::no_such_room: co_return no_such_room();
    case Subject::Forgotten::no_owner: co_return refuse(503, kNoOwner);
    case Subject::Forgotten::here_only: co_return refuse(409, kForAll);
  }
  co_return reply(json::object{{"forgotten", key}});
}

}  // namespace

net::Task<ApiResponse> rooms_resource(Subject& subject, const ApiRequest& request, std::string_view rest,
                                      bool may_write) {
  const Method method = request.method;
  if (rest.empty()) {
    if (method != Method::get) co_return refuse(405, "GET");
    if (parameter(request.query, "split") != "1") co_return list(subject, request.query);
    const auto limit = number_parameter(request.query, "limit", kDefaultRooms);
    if (!limit) co_return refuse(400, "limit is a number");
    co_return co_await list_split(subject, std::min(*limit, kMaxRooms));
  }
  const std::string key = percent_decode(rest);
  if (method == Method::get) {
    const auto row = co_await subject.room(key, scope_of(request.query));
    co_return row ? reply(to_json(*row)) : no_such_room();
  }
  if (method != Method::post && method != Method::del) co_return refuse(405, "GET, POST or DELETE");
  if (!may_write) co_return refuse(403, kNeedsToken);
  if (method == Method::post) co_return co_await move(subject, key, request);
  co_return co_await forget(subject, key, scope_of(request.query));
}

}  // namespace roomgate::router::admin
