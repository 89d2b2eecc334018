// An answer's head: whole and in two pieces give the same verdict; what a client gets reads back under the
// framing that was meant for it.
#include <cstdlib>
#include <string>

#include "router/http/framing.hpp"
#include "router/http/response_parser.hpp"
#include "router/http/rewrite.hpp"
#include "router/http/upgrade.hpp"

using namespace roomgate;
using namespace roomgate::router::http;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const ResponseHead& head, Method method, bool upgrading, int client_minor_version) {
  const auto framing = framing_of(head, method, upgrading);
  if (!framing) return;
  ResponseRewrite rewrite{.framing = framing_towards(*framing, client_minor_version),
                          .client_minor_version = client_minor_version,
                          .announced_shard = "s",
                          .announced_region = "r"};
  std::string out;
  write_response_head(head, rewrite, out);

  Limits limits;
  limits.max_head_bytes = 60000;
  limits.max_headers = kHeaderSlots;
  ResponseParser again(limits);
  const auto read = again.parse(as_bytes(out));
  require(read.ok() && *read && again.head().size == out.size());
  require(again.head().status == head.status);
  const auto again_framing = framing_of(again.head(), method, upgrading);
  require(again_framing.ok() && *again_framing == rewrite.framing);
  require(find_header(again.head().headers, HeaderId::x_jitsi_shard) != nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  ResponseParser parser;
  const auto done = parser.parse(input);

  ResponseParser pieces;
  const std::string first(as_text(input.first(size / 2)));
  auto in_pieces = pieces.parse(as_bytes(first));
  if (in_pieces.ok() && !*in_pieces) in_pieces = pieces.parse(input);
  require(done.ok() == in_pieces.ok());
  if (!done || !*done) return 0;
  require(*in_pieces && pieces.head().size == parser.head().size);

  verify_upgrade_answer(parser.head(), "dGhlIHNhbXBsZSBub25jZQ==");
  for (Method method : {Method::get, Method::head}) {
    for (bool upgrading : {false, true}) {
      for (int minor : {0, 1}) check(parser.head(), method, upgrading, minor);
    }
  }
  return 0;
}
