#include <array>
#include <cstdio>

#include "router/cli/actions.hpp"
#include "router/cli/table.hpp"
#include "router/cli/text.hpp"

namespace roomgate::router::cli {

namespace json = boost::json;

int show_bans(const Endpoint& gate) {
  const auto answer = gate.expect("GET", "/api/v1/bans");
  if (!answer) return kRefused;
  if (gate.as_json) {
    print_json(*answer);
    return kDone;
  }
  const auto rows = list_of(*answer, "bans");
  if (rows.empty()) {
    std::puts("no bans");
    return kDone;
  }
  Table table({{"what"}, {"pattern"}, {"answer", true}, {"set by"}});
  for (const auto& row : rows) {
    for (const char* kind : {"room", "prefix", "tenant"}) {
      if (!row.contains(kind)) continue;
      table.add({{kind},
                 {text_of(row, kind)},
                 {std::to_string(count_of(row, "status"))},
                 {flag_of(row, "from_settings") ? "settings"
                  : flag_of(row, "local")       ? "operator, here only"
                                                : "operator"}});
    }
  }
  std::fputs(table.text(style_for(stdout)).c_str(), stdout);
  return kDone;
}

int ban(const Endpoint& gate, const Ban& wanted) {
  const auto answer = gate.expect("POST", std::string("/api/v1/bans").append(local_query(wanted.local)),
                                  json::object{{wanted.kind, wanted.text}, {"status", wanted.status}});
  if (!answer) return kRefused;
  if (gate.as_json) {
    print_json(*answer);
  } else {
    std::printf("%s %s: banned, with %d\n", wanted.kind.c_str(), printable(wanted.text).c_str(),
                wanted.status);
  }
  return kDone;
}

int unban(const Endpoint& gate, const Ban& wanted) {
  const auto answer = gate.expect("DELETE", std::string("/api/v1/bans").append(local_query(wanted.local)),
                                  json::object{{wanted.kind, wanted.text}});
  if (!answer) return kRefused;
  if (gate.as_json) {
    print_json(*answer);
  } else {
    std::printf("%s %s: no longer banned\n", wanted.kind.c_str(), printable(wanted.text).c_str());
  }
  return kDone;
}

}  // namespace roomgate::router::cli
