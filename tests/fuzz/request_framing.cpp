// A request's head: whole and in two pieces give the same verdict; what is forwarded for it reads back as the
// same request, under the same framing.
#include <cstdlib>
#include <string>

#include "router/http/framing.hpp"
#include "router/http/request_parser.hpp"
#include "router/http/rewrite.hpp"
#include "router/http/target.hpp"
#include "router/http/upgrade.hpp"

using namespace roomgate;
using namespace roomgate::router::http;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  RequestParser parser;
  const auto done = parser.parse(input);

  RequestParser pieces;
  const std::string first(as_text(input.first(size / 2)));
  auto in_pieces = pieces.parse(as_bytes(first));
  if (in_pieces.ok() && !*in_pieces) in_pieces = pieces.parse(input);
  require(done.ok() == in_pieces.ok());
  if (!done || !*done) return 0;
  require(*in_pieces);
  // The first half may have held the whole head; then the second parser's views are of the copy.
  require(pieces.head().size == parser.head().size);
  require(pieces.head().target_text == parser.head().target_text);

  const RequestHead& head = parser.head();
  const auto framing = framing_of(head);
  PathScratch scratch;
  const auto path = routed_path(head.target.path, scratch);
  const UpgradeDecision upgrade = accept_upgrade(head);
  if (!framing || !path || upgrade.kind == UpgradeDecision::Kind::refused) return 0;

  for (bool trusted : {false, true}) {
    RequestRewrite rewrite{.path = path->forward,
                           .client_ip = "192.0.2.1",
                           .forwarded_ip = trusted ? "203.0.113.9" : "",
                           .forwarded_host = trusted ? "outer.example" : "",
                           .request_id = "id",
                           .region = "eu"};
    rewrite.framing = *framing;
    rewrite.websocket = upgrade.kind == UpgradeDecision::Kind::websocket;
    std::string out;
    write_request_head(head, rewrite, out);

    Limits limits;
    limits.max_head_bytes = 60000;
    limits.max_headers = kHeaderSlots;
    limits.max_target_bytes = 30000;
    RequestParser again(limits);
    const auto read = again.parse(as_bytes(out));
    require(read.ok() && *read && again.head().size == out.size());
    require(again.head().method_text == head.method_text);
    require(again.head().target.path == path->forward && again.head().target.query == head.target.query);
    require(again.head().authority == head.authority);
    const auto again_framing = framing_of(again.head());
    require(again_framing.ok() && *again_framing == *framing);
    require(count_headers(again.head().headers, HeaderId::x_proxy_region) == 1);
    require(count_headers(again.head().headers, HeaderId::x_forwarded_for) == 1);
    require(accept_upgrade(again.head()).kind == upgrade.kind);
  }
  return 0;
}
