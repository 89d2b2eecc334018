// shards, shards/NAME, shards/NAME/state
#include <boost/json/array.hpp>

#include "base/encoding.hpp"
#include "conf/binder.hpp"
#include "router/admin/replies.hpp"
#include "router/admin/resources.hpp"

namespace roomgate::router::admin {
namespace {

namespace json = boost::json;
using http::Method;

constexpr std::string_view kBody =
    R"(the body is {"state":"ready|drain|maint"}, of a drain perhaps with "deadline":"30m")";

json::object to_json(const ShardRow& row) {
  json::object out{{"name", row.name},
                   {"address", row.address},
                   {"addresses", json::array(row.addresses.begin(), row.addresses.end())},
                   {"region", row.region},
                   {"release", row.release},
                   {"source", row.source},
                   {"leaving", row.leaving},
                   {"weight", row.weight},
                   {"share", row.share},
                   {"soft_rooms", row.soft_rooms},
                   {"max_rooms", row.max_rooms},
                   {"state", row.state},
                   {"local", row.local},
                   {"up", row.up},
                   {"takes_rooms", row.takes_rooms},
                   {"reason", row.reason},
                   {"announced", row.announced},
                   {"load", row.load},
                   {"rooms", row.rooms},
                   {"tunnels", row.tunnels},
                   {"requests_per_second", row.requests_per_second},
                   {"new_rooms_last_minute", row.new_rooms_last_minute}};
  if (row.drain) {
    json::object drain{{"since", rfc3339(row.drain->since)},
                       {"rooms_at_start", row.drain->rooms_at_start},
                       {"empty", row.drain->empty}};
    if (row.drain->deadline) drain["deadline"] = rfc3339(*row.drain->deadline);
    out["drain"] = std::move(drain);
  }
  return out;
}

ApiResponse one(Subject& subject, std::string_view name) {
  for (const ShardRow& row : subject.shards()) {
    if (row.name == name) return reply(to_json(row));
  }
  return no_such_shard(subject, name);
}

ApiResponse set_state(Subject& subject, std::string_view name, const ApiRequest& request) {
  const auto object = body_object(request.body);
  const auto state = object ? text_field(*object, "state") : std::nullopt;
  if (!state) return refuse(400, kBody);
  std::optional<Duration> deadline;
  if (object->contains("deadline")) {
    const auto text = text_field(*object, "deadline");
    if (!text) return refuse(400, kBody);
    if (*state != "drain") return refuse(400, "only a drain has a deadline");
    const auto parsed = conf::parse_duration(*text);
    if (!parsed) return refuse(400, "deadline: " + parsed.error());
    deadline = *parsed;
  }
  const Scope scope = scope_of(request.query);
  if (const auto done = subject.set_state(name, *state, deadline, scope); !done) {
    return done.error() == Subject::StateError::no_such_shard
               ? no_such_shard(subject, name)
               : refuse(400, "no such state: the states are ready, drain and maint");
  }
  json::object out{{"shard", name}, {"state", *state}};
  if (deadline) out["deadline"] = conf::format_duration(*deadline);
  if (scope == Scope::here) out["local"] = true;
  return reply(out);
}

}  // namespace

ApiResponse shards_resource(Subject& subject, const ApiRequest& request, std::string_view rest,
                            bool may_write) {
  const bool get = request.method == Method::get;
  if (rest.empty()) {
    if (!get) return refuse(405, "GET");
    json::array rows;
    for (const ShardRow& row : subject.shards()) rows.push_back(to_json(row));
    return reply(json::object{{"shards", std::move(rows)}});
  }
  constexpr std::string_view kState = "/state";
  if (!rest.ends_with(kState)) {
    return get ? one(subject, percent_decode(rest)) : refuse(405, "GET; its state is POST shards/NAME/state");
  }
  rest.remove_suffix(kState.size());
  if (request.method != Method::post) return refuse(405, "POST");
  if (!may_write) return refuse(403, kNeedsToken);
  return set_state(subject, percent_decode(rest), request);
}

}  // namespace roomgate::router::admin
