// bans: which rooms get 403 or 429
#include <array>
#include <boost/json/array.hpp>

#include "router/admin/replies.hpp"
#include "router/admin/resources.hpp"

namespace roomgate::router::admin {
namespace {

namespace json = boost::json;
using http::Method;

constexpr std::string_view kBody =
    R"(the body is one of {"room":TEXT}, {"prefix":TEXT}, {"tenant":TEXT}, perhaps with "status":403 or 429)";
constexpr std::size_t kLongest = 1024;
constexpr std::array<std::pair<BanRow::Kind, std::string_view>, 3> kKinds{
    {{BanRow::Kind::room, "room"}, {BanRow::Kind::prefix, "prefix"}, {BanRow::Kind::tenant, "tenant"}}};

json::object to_json(const BanRow& row) {
  json::object out;
  for (const auto& [kind, name] : kKinds) {
    if (kind == row.kind) out[name] = row.text;
  }
  out["status"] = row.status;
  out["from_settings"] = row.from_settings;
  if (row.local) out["local"] = true;
  return out;
}

// nullopt: not exactly one pattern, or a status that is none.
std::optional<BanRow> read(std::string_view body) {
  const auto object = body_object(body);
  if (!object) return std::nullopt;
  std::optional<BanRow> ban;
  for (const auto& [kind, name] : kKinds) {
    if (!object->contains(name)) continue;
    const auto text = text_field(*object, name);
    // An empty prefix would ban everything: surely not what was meant.
    if (ban || !text || text->empty() || text->size() > kLongest) return std::nullopt;
    ban = BanRow{.kind = kind, .text = std::string(*text)};
  }
  if (const auto* status = object->if_contains("status"); ban && status != nullptr) {
    if (!status->is_int64() || (status->get_int64() != 403 && status->get_int64() != 429))
      return std::nullopt;
    ban->status = static_cast<int>(status->get_int64());
  }
  return ban;
}

}  // namespace

ApiResponse bans_resource(Subject& subject, const ApiRequest& request, std::string_view rest,
                          bool may_write) {
  if (!rest.empty()) return refuse(404, "not here");
  if (request.method == Method::get) {
    json::array rows;
    for (const BanRow& row : subject.bans()) rows.push_back(to_json(row));
    return reply(json::object{{"bans", std::move(rows)}});
  }
  if (request.method != Method::post && request.method != Method::del)
    return refuse(405, "GET, POST or DELETE");
  if (!may_write) return refuse(403, kNeedsToken);
  auto ban = read(request.body);
  if (!ban) return refuse(400, kBody);
  const Scope scope = scope_of(request.query);
  ban->local = scope == Scope::here;
  if (request.method == Method::post) {
    return subject.ban(*ban) ? reply(to_json(*ban))
                             : refuse(409, "too many bans: lift one that is not needed");
  }
  if (!subject.unban(ban->kind, ban->text, scope))
    return refuse(404, "no such ban, or it stands in the settings: it can be lifted only there");
  return reply(json::object{{"lifted", to_json(*ban)}});
}

}  // namespace roomgate::router::admin
