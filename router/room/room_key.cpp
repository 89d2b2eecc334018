#include "router/room/room_key.hpp"

#include "router/http/syntax.hpp"
#include "router/room/normalise.hpp"

namespace roomgate::router::room {
namespace {

struct RawName {
  std::string_view text;
  Where where = Where::path;
};

// The value of that cookie in the Cookie lines ("a=1; b=2").
std::optional<std::string_view> cookie_value(http::Headers headers, std::string_view name) {
  for (const http::HeaderView& header : headers) {
    if (header.id != http::HeaderId::cookie) continue;
    std::string_view list = header.value;
    while (!list.empty()) {
      const std::size_t end = list.find(';');
      const std::string_view pair = http::trim(list.substr(0, end));
      list = end == std::string_view::npos ? std::string_view{} : list.substr(end + 1);
      const std::size_t equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
    }
  }
  return std::nullopt;
}

std::string_view host_of(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  const std::size_t bracket = authority.rfind(']');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  return has_port ? authority.substr(0, colon) : authority;
}

std::optional<RawName> raw_name(const Source& source, const KeyInput& input) {
  switch (source.kind) {
    case SourceKind::query: {
      const auto value = http::query_value(input.query, source.name);
      if (!value) return std::nullopt;
      return RawName{*value, Where::query};
    }
    case SourceKind::path: return RawName{input.path.room, Where::path};
    case SourceKind::header: {
      const http::HeaderView* header = http::find_header(input.headers, source.name);
      if (header == nullptr) return std::nullopt;
      return RawName{header->value, Where::path};
    }
    case SourceKind::cookie: {
      const auto value = cookie_value(input.headers, source.name);
      if (!value) return std::nullopt;
      return RawName{*value, Where::path};
    }
    case SourceKind::host: return RawName{host_of(input.authority), Where::path};
  }
  return std::nullopt;
}

// /v1/_ws/SHARD/... has no room for a tenant in its path and says it in the query.
RawName tenant_of(const KeyInput& input) {
  if (input.path.kind != PathKind::shard_socket) return {input.path.tenant, Where::path};
  return {http::query_value(input.query, "tenant").value_or(std::string_view{}), Where::query};
}

}  // namespace

std::optional<Source> parse_source(std::string_view text) {
  if (text == "path") return Source{SourceKind::path, ""};
  if (text == "host") return Source{SourceKind::host, ""};
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return std::nullopt;
  const std::string_view kind = text.substr(0, colon);
  const std::string name(text.substr(colon + 1));
  if (kind == "query") return Source{SourceKind::query, name};
  if (!http::is_token(name)) return std::nullopt;
  if (kind == "header") return Source{SourceKind::header, name};
  if (kind == "cookie") return Source{SourceKind::cookie, name};
  return std::nullopt;
}

Result<std::optional<Key>, KeyError> room_key(const KeyInput& input, const KeySettings& settings,
                                              std::string& scratch) {
  for (const Source& source : settings.sources) {
    const auto raw = raw_name(source, input);
    if (!raw || raw->text.empty()) continue;
    scratch.clear();
    // A host names its tenant itself.
    const RawName tenant = settings.tenants && source.kind != SourceKind::host ? tenant_of(input) : RawName{};
    if (!tenant.text.empty()) {
      append_normalised(tenant.text, tenant.where, scratch);
      scratch.push_back('/');
    }
    append_normalised(raw->text, raw->where, scratch);
    if (scratch.size() > settings.max_key_bytes) return fail(KeyError::too_long);
    return std::optional<Key>{Key{scratch, source.kind}};
  }
  return std::optional<Key>{};
}

}  // namespace roomgate::router::room
