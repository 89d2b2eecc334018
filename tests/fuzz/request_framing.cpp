// A request's head: however it is cut, the verdict is the same, to the error; a second, plain reader sees
// what the parser sees; what is forwarded for it reads back as the same request, under the same framing, and
// says nothing that only the gate may say but once.
#include <string>

#include "router/http/framing.hpp"
#include "router/http/request_parser.hpp"
#include "router/http/rewrite.hpp"
#include "router/http/syntax.hpp"
#include "router/http/target.hpp"
#include "router/http/upgrade.hpp"
#include "tests/fuzz/cut.hpp"
#include "tests/router/http/plain_reader.hpp"

using namespace roomgate;
using namespace roomgate::router::http;

namespace {

using Verdict = Result<bool, ParseError>;

void check_same(const RequestHead& cut, const RequestHead& head) {
  require(cut.size == head.size);
  require(cut.target_text == head.target_text);
  require(cut.target.path == head.target.path);
  require(cut.authority == head.authority);
  require(cut.headers.size() == head.headers.size());
  for (std::size_t i = 0; i < head.headers.size(); ++i) {
    require(cut.headers[i].name == head.headers[i].name);
    require(cut.headers[i].value == head.headers[i].value);
    require(cut.headers[i].id == head.headers[i].id);
  }
}

void check_bytes(ByteView input, const Verdict& whole) {
  RequestParser parser;
  for (std::size_t size = 1; size <= input.size(); ++size) {
    const std::string so_far(as_text(input.first(size)));
    const auto verdict = parser.parse(as_bytes(so_far));
    if (verdict.ok() && !*verdict) continue;
    require(verdict.ok() == whole.ok());
    require(verdict.ok() || verdict.error() == whole.error());
    return;
  }
  require(input.empty() || (whole.ok() && !*whole));
}

void check_plain(ByteView input, const RequestHead& head) {
  const auto plain = read_plainly(as_text(input), Limits{}.max_empty_lines);
  require(plain.has_value() && plain->size == head.size && plain->fields.size() == head.headers.size());
  for (std::size_t i = 0; i < head.headers.size(); ++i) {
    require(plain->fields[i].first == head.headers[i].name);
    require(plain->fields[i].second == head.headers[i].value);
    require(header_id(plain->fields[i].first) == head.headers[i].id);
  }
  std::string line(head.method_text);
  line.append(" ").append(head.target_text).append(head.minor_version == 0 ? " HTTP/1.0" : " HTTP/1.1");
  require(plain->first_line == line);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  RequestParser parser;
  const auto done = parser.parse(input);
  // Every cut of what is short; of longer input some, so that the fuzzer stays quick.
  const std::size_t step = size / 64 + 1;
  for (std::size_t cut = 0; cut <= size; cut += step) {
    check_cut<RequestParser>(input, cut, done,
                             [&](const RequestHead& head) { check_same(head, parser.head()); });
  }
  if (size <= 2048) check_bytes(input, done);
  if (!done || !*done) return 0;
  check_plain(input, parser.head());

  const RequestHead& head = parser.head();
  const auto framing = framing_of(head);
  require(framing.ok());  // the parser has asked
  PathScratch scratch;
  const auto path = routed_path(head.target.path, scratch);
  const UpgradeDecision upgrade = accept_upgrade(head);
  if (!path || upgrade.kind == UpgradeDecision::Kind::refused) return 0;

  RequestRewrite rewrite{.path = path->forward, .client_ip = "192.0.2.1", .request_id = "id", .region = "eu"};
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
  require(read_plainly(out, 0).has_value());
  require(again.head().minor_version == 1);
  require(again.head().method_text == head.method_text);
  require(again.head().target.path == path->forward && again.head().target.query == head.target.query);
  require(again.head().authority == head.authority);
  const auto again_framing = framing_of(again.head());
  require(again_framing.ok() && *again_framing == *framing);
  const Headers sent = again.head().headers;
  for (HeaderId ours : {HeaderId::host, HeaderId::x_forwarded_for, HeaderId::x_forwarded_proto,
                        HeaderId::x_forwarded_host, HeaderId::x_request_id, HeaderId::x_proxy_region}) {
    require(count_headers(sent, ours) == 1);
  }
  std::size_t alike = 0;
  for (const HeaderView& header : sent) {
    const HeaderId id = look_alike(header);
    require(id == header.id);  // nothing that servers could take for one of these
    alike += id == HeaderId::content_length || id == HeaderId::transfer_encoding ? 1U : 0U;
    const bool about_this_hop = id == HeaderId::connection || id == HeaderId::upgrade;
    require(!about_this_hop || rewrite.websocket);
  }
  require(alike == (framing->kind == Framing::Kind::none ? 0U : 1U));
  require(accept_upgrade(again.head()).kind == upgrade.kind);
  return 0;
}
