#include "bench/roomload/signal/websocket.hpp"

#include <openssl/sha.h>

#include <array>
#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "bench/roomload/signal/http.hpp"
#include "router/http/response_parser.hpp"

namespace roomgate::bench::roomload::signal {
namespace {

constexpr std::size_t kMaxHead = 16 * 1024;
constexpr std::size_t kMaxQueue = 1024 * 1024;
constexpr Duration kStall = seconds(30);

std::string accept_of(const std::string& key) {
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest;
  SHA1(as_bytes(text).data(), text.size(), digest.data());
  return to_base64(digest);
}

}  // namespace

Problem WebSocket::lost(std::string_view why) const {
  return {ProblemKind::lost,
          "the " + options_.what + " connection to " + options_.url.authority() + " " + std::string(why)};
}

Problem WebSocket::refused(int status, std::string_view body) const {
  const std::string where = options_.url.origin() + options_.url.path;
  const std::string answered = where + " answered " + std::to_string(status);
  std::string said(body.substr(0, std::min<std::size_t>(body.find_first_of("\r\n"), 120)));
  if (said.starts_with('<')) said.clear();  // a page for people
  const std::string tail = said.empty() ? "" : ": " + said;
  switch (status) {
    case 401:
    case 403: return {ProblemKind::not_allowed, answered + " to the " + options_.what + " WebSocket" + tail};
    case 429:
    case 503: return {ProblemKind::full, answered + ": it takes nobody more now" + tail};
    default: break;
  }
  return {ProblemKind::not_jitsi,
          answered + " where a Jitsi shard has its " + options_.what + " WebSocket" + tail};
}

net::Task<Result<std::unique_ptr<WebSocket>, Problem>> WebSocket::connect(Network& network, net::Core& core,
                                                                          Options options,
                                                                          TimePoint deadline) {
  auto dialled = co_await network.dial(core, options.url, deadline);
  if (!dialled) co_return fail(dialled.error());
  auto socket = std::unique_ptr<WebSocket>(new WebSocket(std::move(dialled).value(), std::move(options)));
  const auto upgraded = co_await socket->upgrade(deadline);
  if (!upgraded) co_return fail(upgraded.error());
  co_return socket;
}

net::Task<Result<void, Problem>> WebSocket::upgrade(TimePoint deadline) {
  std::array<std::uint8_t, 16> nonce;
  random_bytes(nonce);
  const std::string key = to_base64(nonce);
  std::string request = "GET " + options_.url.target() + " HTTP/1.1\r\n" + common_fields(options_.url) +
                        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
                        "Sec-WebSocket-Key: " + key + "\r\n";
  if (!options_.subprotocol.empty()) request += "Sec-WebSocket-Protocol: " + options_.subprotocol + "\r\n";
  request += "\r\n";
  const auto sent = co_await stream_->write_all(as_bytes(request), kStall);
  if (!sent) co_return fail(lost("broke before its handshake"));

  std::vector<std::uint8_t> bytes(kMaxHead);
  std::size_t size = 0;
  router::http::ResponseParser parser;
  for (bool complete = false; !complete;) {
    if (size == bytes.size()) co_return fail(lost("was answered by a head that does not end"));
    const auto read = co_await stream_->read_some(ByteSpan(bytes).subspan(size), deadline);
    if (!read && read.error() == net::IoError::timed_out) co_return fail(lost("got no answer in time"));
    if (!read || *read == 0) co_return fail(lost("was closed without an answer"));
    size += *read;
    const auto parsed = parser.parse({bytes.data(), size});
    if (!parsed) {
      co_return fail(Problem{ProblemKind::not_jitsi, options_.url.authority() + " does not answer in HTTP"});
    }
    complete = *parsed;
  }
  const router::http::ResponseHead& head = parser.head();
  if (head.status != 101) {
    co_return fail(refused(head.status, as_text(ByteView(bytes).subspan(head.size, size - head.size))));
  }
  const auto field = [&](std::string_view name) {
    const auto* found = router::http::find_header(head.headers, name);
    return found == nullptr ? std::string_view() : found->value;
  };
  if (field("Sec-WebSocket-Accept") != accept_of(key)) {
    co_return fail(Problem{ProblemKind::protocol,
                           options_.url.authority() + " answered the WebSocket handshake of somebody else"});
  }
  if (!options_.subprotocol.empty() && field("Sec-WebSocket-Protocol") != options_.subprotocol) {
    co_return fail(Problem{ProblemKind::not_jitsi, options_.url.origin() + options_.url.path +
                                                       " does not speak \"" + options_.subprotocol + "\""});
  }
  shard_ = field("X-Jitsi-Shard");
  reader_.consume(ByteView(bytes).subspan(head.size, size - head.size));
  co_return Result<void, Problem>();
}

net::Task<Result<std::string, Problem>> WebSocket::receive(TimePoint deadline) {
  while (true) {
    auto message = reader_.next();
    if (!message) co_return fail(Problem{ProblemKind::protocol, lost("is no WebSocket any more").text});
    if (*message) {
      FrameMessage& got = **message;
      switch (got.opcode) {
        case Opcode::continuation:
        case Opcode::text:
        case Opcode::binary: co_return std::move(got.payload);
        case Opcode::ping: queue(Opcode::pong, got.payload); break;
        case Opcode::pong: break;
        case Opcode::close: {
          // The same back (RFC 6455 5.5.1), and its reason to whoever reads the error.
          std::string why = "was closed by the server";
          if (got.payload.size() >= 2) {
            why += " (" + std::to_string(load16(as_bytes(got.payload).data()));
            if (got.payload.size() > 2) why += ", " + got.payload.substr(2);
            why += ")";
          }
          if (!closed_) queue(Opcode::close, got.payload.substr(0, 2));
          closed_ = true;
          co_return fail(lost(why));
        }
      }
      continue;
    }
    const auto ready = co_await stream_->wait_readable(deadline);
    if (!ready && ready.error() == net::IoError::timed_out) {
      co_return fail(Problem{ProblemKind::unreachable, lost("has gone silent").text});
    }
    if (!ready) co_return fail(lost(closed_ ? "is closed" : "broke"));
    if (auto problem = read_more()) co_return fail(*problem);
  }
}

std::optional<Problem> WebSocket::read_more() {
  net::Buffer buffer = stream_->core().buffers().take(net::BufferPool::Size::small);
  const auto read = stream_->try_read(buffer.span());
  if (!read) return std::nullopt;
  if (!read->ok()) return lost(closed_ ? "is closed" : "broke");
  if (**read == 0) return lost("was closed by the server, without a word");
  reader_.consume(buffer.span().first(**read));
  return std::nullopt;
}

void WebSocket::send(std::string_view text) { queue(Opcode::text, text); }

void WebSocket::queue(Opcode opcode, std::string_view payload) {
  if (closed_) return;
  const std::string frame = write_frame(opcode, payload, random_u32());
  if (draining_) {
    if (out_.size() + frame.size() > kMaxQueue) {
      closed_ = true;
      stream_->interrupt();  // a peer that takes nothing: receive() says so
      return;
    }
    out_ += frame;
    return;
  }
  const auto written = stream_->write_some(as_bytes(frame));
  if (!written) return;  // the reader hears of it
  if (*written == frame.size()) return;
  out_ = frame.substr(*written);
  draining_ = true;
  stream_->core().spawn(drain());
}

net::Task<void> WebSocket::drain() {
  while (!out_.empty()) {
    sending_ = std::exchange(out_, {});
    const auto sent = co_await stream_->write_all(as_bytes(sending_), kStall);
    if (!sent) {
      stream_->interrupt();
      co_return;
    }
  }
  draining_ = false;
}

void WebSocket::close() {
  if (closed_) return;
  constexpr std::uint8_t kGoingAway[] = {0x03, 0xe9};
  queue(Opcode::close, as_text(kGoingAway));
  closed_ = true;
  stream_->say_end();
  stream_->interrupt();
}

}  // namespace roomgate::bench::roomload::signal
