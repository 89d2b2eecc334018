#include "bench/roomload/signal/http.hpp"

#include <vector>

#include "router/body/body.hpp"
#include "router/http/framing.hpp"
#include "router/http/response_parser.hpp"

namespace roomgate::bench::roomload::signal {
namespace {

constexpr std::size_t kMaxHead = 64 * 1024;
constexpr std::size_t kMaxBody = 1024 * 1024;
constexpr Duration kStall = seconds(10);

std::string written(const HttpRequest& request) {
  std::string out = request.method + " " + request.url.target() + " HTTP/1.1\r\n" +
                    common_fields(request.url) + "Accept: */*\r\nConnection: close\r\n";
  if (!request.content_type.empty()) {
    out += "Content-Type: " + request.content_type + "\r\n";
    out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return out + "\r\n" + request.body;
}

Problem broken(const Url& url, std::string_view what) {
  return {ProblemKind::not_jitsi, url.origin() + url.path + ": " + std::string(what)};
}

}  // namespace

std::string common_fields(const Url& url) {
  return "Host: " + url.authority() + "\r\nOrigin: " + url.origin() + "\r\nUser-Agent: roomload\r\n";
}

net::Task<Result<HttpAnswer, Problem>> http_exchange(Network& network, net::Core& core, HttpRequest request,
                                                     TimePoint deadline) {
  const Url& url = request.url;
  auto dialled = co_await network.dial(core, url, deadline);
  if (!dialled) co_return fail(dialled.error());
  net::Stream& stream = **dialled;
  const std::string head_text = written(request);
  const auto sent = co_await stream.write_all(as_bytes(head_text), kStall);
  if (!sent) co_return fail(broken(url, "the connection broke while we asked"));

  std::vector<std::uint8_t> bytes(kMaxHead);
  std::size_t size = 0;
  router::http::ResponseParser parser;
  for (bool complete = false; !complete;) {
    if (size == bytes.size()) co_return fail(broken(url, "the head of the answer does not end"));
    const auto read = co_await stream.read_some(ByteSpan(bytes).subspan(size), deadline);
    if (!read) co_return fail(broken(url, "no answer: " + std::string(net::to_string(read.error()))));
    if (*read == 0) {
      co_return fail(broken(url, url.secure
                                     ? "the connection was closed without an answer"
                                     : "the connection was closed without an answer: is it https:// there?"));
    }
    size += *read;
    const auto parsed = parser.parse({bytes.data(), size});
    if (!parsed) co_return fail(broken(url, "the answer is not HTTP"));
    complete = *parsed;
  }
  const auto framing = router::http::framing_of(parser.head(), router::http::Method::get, false);
  if (!framing) co_return fail(broken(url, "the length of the answer is unclear"));
  HttpAnswer answer;
  answer.status = parser.head().status;
  router::body::Reader reader(*framing);
  ByteSpan input = ByteSpan(bytes).subspan(parser.head().size, size - parser.head().size);
  while (true) {
    const auto step = reader.next(input);
    if (!step) co_return fail(broken(url, "the body of the answer is broken"));
    answer.body += as_text(step->payload);
    if (answer.body.size() > kMaxBody) co_return fail(broken(url, "the answer is too long"));
    if (reader.done()) co_return answer;
    const auto read = co_await stream.read_some(bytes, deadline);
    if (!read) co_return fail(broken(url, "the answer was cut off"));
    if (*read == 0) {
      reader.connection_ended();
      if (!reader.done()) co_return fail(broken(url, "the answer was cut off"));
      co_return answer;
    }
    input = ByteSpan(bytes).first(*read);
  }
}

}  // namespace roomgate::bench::roomload::signal
