#include "router/health/ask.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.hpp"
#include "router/health/fetch.hpp"

namespace roomgate::router::health {

using net::Task;

namespace {

bool names_field(std::string_view line, std::string_view name) {
  return ascii_iequals(line.substr(0, line.find(':')), name);
}

Answer failed(Failure failure) { return {.soft = failure.may_pass, .reason = std::move(failure.reason)}; }

Task<Answer> ask_address(net::Core& core, const Options& options, const std::string& address,
                         const tls::ClientContext* tls) {
  const auto deadline = Clock::now() + options.timeout;
  auto opened = co_await open(core, address, tls, deadline);
  if (!opened) co_return failed(std::move(opened).error());
  if (options.path.empty()) co_return Answer{.ok = true};
  std::string body;
  const Body keep = [&body, &options](std::string_view piece) -> std::string_view {
    body += piece;
    return body.size() > options.max_answer_bytes ? "the answer is too long" : "";
  };
  auto status = co_await exchange(**opened, check_request(options, address), keep, deadline, options.timeout);
  if (!status) co_return failed(std::move(status).error());
  co_return read_answer(*status, body, options.expect);
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
