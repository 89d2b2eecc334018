#include "router/health/ask.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.hpp"
#include "router/body/body.hpp"
#include "router/http/framing.hpp"
#include "router/http/response_parser.hpp"
#include "router/tls/handshake.hpp"

namespace roomgate::router::health {

using net::IoError;
using net::Task;

namespace {

// Silence may be the network's, and that we are out of descriptors says nothing about the shard.
bool may_pass(IoError error) { return error == IoError::timed_out || error == IoError::system; }

Answer failed(std::string_view step, IoError error) {
  return {.soft = may_pass(error), .reason = std::string(step) + ": " + std::string(net::to_string(error))};
}

bool names_field(std::string_view line, std::string_view name) {
  return ascii_iequals(line.substr(0, line.find(':')), name);
}

// Head and body of one answer, whole.
Task<Answer> read_whole(net::Stream& stream, const Options& options, TimePoint deadline) {
  std::vector<std::uint8_t> bytes(options.max_answer_bytes);
  std::size_t size = 0;
  http::ResponseParser parser;
  bool complete = false;
  while (!complete) {
    if (size == bytes.size()) co_return Answer{.reason = "the answer is too long"};
    const auto read = co_await stream.read_some(ByteSpan(bytes).subspan(size), deadline);
    if (!read) co_return failed("answer", read.error());
    if (*read == 0) co_return Answer{.reason = "no answer"};
    size += *read;
    const auto parsed = parser.parse({bytes.data(), size});
    if (!parsed) {
      co_return Answer{.reason = "the answer is not HTTP: " + std::string(http::label(parsed.error()))};
    }
    complete = *parsed;
  }
  const http::ResponseHead head = parser.head();
  const auto framing = http::framing_of(head, http::Method::get, false);
  if (!framing) co_return Answer{.reason = "the answer's length is unclear"};
  const int status = head.status;
  body::Reader reader(*framing);
  std::string body;
  ByteSpan input = ByteSpan(bytes).subspan(head.size, size - head.size);
  std::vector<std::uint8_t> more(4096);
  while (true) {
    const auto step = reader.next(input);
    if (!step) co_return Answer{.reason = "the answer's body is broken"};
    body += as_text(step->payload);
    if (reader.done()) break;
    if (body.size() > options.max_answer_bytes) co_return Answer{.reason = "the answer is too long"};
    const auto read = co_await stream.read_some(more, deadline);
    if (!read) co_return failed("answer", read.error());
    if (*read == 0) {
      reader.connection_ended();
      if (!reader.done()) co_return Answer{.reason = "the answer was cut off"};
      break;
    }
    input = ByteSpan(more).first(*read);
  }
  co_return read_answer(status, body, options.expect);
}

Task<Answer> ask_address(net::Core& core, const Options& options, const std::string& address,
                         const tls::ClientContext* tls) {
  const auto to = Address::parse(address);
  if (!to) co_return Answer{.reason = "no address"};
  const auto deadline = Clock::now() + options.timeout;
  const auto connected = co_await net::Stream::connect(core, *to, deadline);
  if (!connected) co_return failed("connect", connected.error());
  net::Stream& stream = **connected;
  if (tls != nullptr) {
    auto ssl = tls->connect();
    const auto shaken = co_await stream.handshake(std::move(ssl), deadline);
    if (!shaken && shaken.error() == IoError::tls) {
      co_return Answer{.reason = "tls: " + tls::explain_failure(stream.tls()).reason};
    }
    if (!shaken) co_return failed("tls", shaken.error());
  }
  if (options.path.empty()) co_return Answer{.ok = true};
  const std::string request = check_request(options, address);
  if (const auto sent = co_await stream.write_all(as_bytes(request), options.timeout); !sent) {
    co_return failed("send", sent.error());
  }
  co_return co_await read_whole(stream, options, deadline);
}

}  // namespace

bool is_own_field(std::string_view name) {
  constexpr std::array<std::string_view, 4> kOwn = {"host", "connection", "content-length",
                                                    "transfer-encoding"};
  return std::any_of(kOwn.begin(), kOwn.end(),
                     [name](std::string_view own) { return ascii_iequals(name, own); });
}

std::string check_request(const Options& options, std::string_view address) {
  std::string request = "GET " + options.path + " HTTP/1.1\r\nHost: ";
  request += options.host.empty() ? address : std::string_view(options.host);
  const auto add_unless_given = [&](std::string_view name, std::string_view value) {
    const bool given = std::any_of(options.headers.begin(), options.headers.end(),
                                   [name](const std::string& line) { return names_field(line, name); });
    if (!given) request.append("\r\n").append(name).append(": ").append(value);
  };
  add_unless_given("User-Agent", "roomgate");
  add_unless_given("Accept", "application/json");
  for (const std::string& line : options.headers) request += "\r\n" + line;
  request += "\r\nConnection: close\r\n\r\n";
  return request;
}

Task<Answer> ask(net::Core& core, std::shared_ptr<const Options> options, std::vector<std::string> addresses,
                 std::shared_ptr<const tls::ClientContext> tls) {
  Answer mildest{.reason = "no address"};
  addresses.resize(std::min(addresses.size(), options->max_addresses));
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    Answer answer = co_await ask_address(core, *options, addresses[i], tls.get());
    if (answer.ok) co_return answer;
    if (i == 0 || (answer.soft && !mildest.soft)) mildest = std::move(answer);
  }
  co_return mildest;
}

Task<Result<std::string, std::string>> ask_agent(net::Core& core, std::string address, Duration timeout) {
  const auto to = Address::parse(address);
  if (!to) co_return fail(std::string("no address"));
  const auto deadline = Clock::now() + timeout;
  const auto connected = co_await net::Stream::connect(core, *to, deadline);
  if (!connected) co_return fail("connect: " + std::string(net::to_string(connected.error())));
  std::array<std::uint8_t, agent::kMaxLine + 1> bytes;
  std::size_t size = 0;
  while (size < bytes.size()) {
    const auto read = co_await (*connected)->read_some(ByteSpan(bytes).subspan(size), deadline);
    if (!read) co_return fail("answer: " + std::string(net::to_string(read.error())));
    if (*read == 0) co_return fail(std::string("it closed in the middle of its line"));
    size += *read;
    if (const auto line = agent::first_line(as_text(ByteView(bytes).first(size))))
      co_return std::string(*line);
  }
  co_return fail(std::string("its line is too long"));
}

}  // namespace roomgate::router::health
