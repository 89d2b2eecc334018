#include "router/health/fetch.hpp"

#include <utility>
#include <vector>

#include "router/body/body.hpp"
#include "router/http/framing.hpp"
#include "router/http/response_parser.hpp"
#include "router/tls/handshake.hpp"

namespace roomgate::router::health {

using net::IoError;
using net::Task;

namespace {

constexpr std::size_t kMaxHead = 64 * 1024;

// Silence may be the network's, and that we are out of descriptors says nothing about the shard.
bool may_pass(IoError error) { return error == IoError::timed_out || error == IoError::system; }

Failure failed(std::string_view step, IoError error) {
  return {.reason = std::string(step) + ": " + std::string(net::to_string(error)),
          .may_pass = may_pass(error)};
}

Failure broken(std::string_view reason) { return {.reason = std::string(reason)}; }

}  // namespace

Task<Result<std::unique_ptr<net::Stream>, Failure>> open(net::Core& core, std::string address,
                                                         const tls::ClientContext* tls, TimePoint deadline) {
  const auto to = Address::parse(address);
  if (!to) co_return fail(broken("no address"));
  auto connected = co_await net::Stream::connect(core, *to, deadline);
  if (!connected) co_return fail(failed("connect", connected.error()));
  std::unique_ptr<net::Stream> stream = std::move(connected).value();
  if (tls != nullptr) {
    auto ssl = tls->connect();
    const auto shaken = co_await stream->handshake(std::move(ssl), deadline);
    if (!shaken && shaken.error() == IoError::tls) {
      co_return fail(broken("tls: " + tls::explain_failure(stream->tls()).reason));
    }
    if (!shaken) co_return fail(failed("tls", shaken.error()));
  }
  co_return stream;
}

Task<Result<int, Failure>> exchange(net::Stream& stream, std::string request, Body body, TimePoint deadline,
                                    Duration stall) {
  if (const auto sent = co_await stream.write_all(as_bytes(request), stall); !sent) {
    co_return fail(failed("send", sent.error()));
  }
  std::vector<std::uint8_t> bytes(kMaxHead);
  std::size_t size = 0;
  http::ResponseParser parser;
  bool complete = false;
  while (!complete) {
    if (size == bytes.size()) co_return fail(broken("the answer is too long"));
    const auto read = co_await stream.read_some(ByteSpan(bytes).subspan(size), deadline);
    if (!read) co_return fail(failed("answer", read.error()));
    if (*read == 0) co_return fail(broken("no answer"));
    size += *read;
    const auto parsed = parser.parse({bytes.data(), size});
    if (!parsed) {
      co_return fail(broken("the answer is not HTTP: " + std::string(http::label(parsed.error()))));
    }
    complete = *parsed;
  }
  const http::ResponseHead head = parser.head();
  const auto framing = http::framing_of(head, http::Method::get, false);
  if (!framing) co_return fail(broken("the answer's length is unclear"));
  const int status = head.status;
  body::Reader reader(*framing);
  ByteSpan input = ByteSpan(bytes).subspan(head.size, size - head.size);
  while (true) {
    const auto step = reader.next(input);
    if (!step) co_return fail(broken("the answer's body is broken"));
    if (const auto enough = body(as_text(step->payload)); !enough.empty()) co_return fail(broken(enough));
    if (reader.done()) co_return status;
    const auto read = co_await stream.read_some(bytes, deadline);
    if (!read) co_return fail(failed("answer", read.error()));
    if (*read == 0) {
      reader.connection_ended();
      if (!reader.done()) co_return fail(broken("the answer was cut off"));
      co_return status;
    }
    input = ByteSpan(bytes).first(*read);
  }
}

}  // namespace roomgate::router::health
