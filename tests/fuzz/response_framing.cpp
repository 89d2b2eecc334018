// An answer's head: however it is cut, the verdict is the same, to the error; a second, plain reader sees the
// same fields; what a client gets reads back under the framing that was meant for it.
#include <string>

#include "router/http/framing.hpp"
#include "router/http/response_parser.hpp"
#include "router/http/rewrite.hpp"
#include "router/http/upgrade.hpp"
#include "tests/fuzz/cut.hpp"
#include "tests/router/http/plain_reader.hpp"

using namespace roomgate;
using namespace roomgate::router::http;

namespace {

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
  require(read_plainly(out, 0).has_value());
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

  const std::size_t step = size / 64 + 1;
  for (std::size_t cut = 0; cut <= size; cut += step) {
    check_cut<ResponseParser>(input, cut, done, [&](const ResponseHead& head) {
      require(head.size == parser.head().size && head.reason == parser.head().reason);
    });
  }
  if (!done || !*done) return 0;
  const auto plain = read_plainly(as_text(input), 0);
  require(plain.has_value() && plain->size == parser.head().size);
  require(plain->fields.size() == parser.head().headers.size());
  for (std::size_t i = 0; i < plain->fields.size(); ++i) {
    require(plain->fields[i].first == parser.head().headers[i].name);
    require(plain->fields[i].second == parser.head().headers[i].value);
  }

  verify_upgrade_answer(parser.head(), "dGhlIHNhbXBsZSBub25jZQ==");
  for (Method method : {Method::get, Method::head}) {
    for (bool upgrading : {false, true}) {
      for (int minor : {0, 1}) check(parser.head(), method, upgrading, minor);
    }
  }
  return 0;
}
