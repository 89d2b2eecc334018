// The server side of an HTTP/2 connection under arbitrary bytes. The first byte chooses how the stand-in for
// the sessions behaves: what it answers, whether it reads bodies, and in what pieces the input comes.
#include <algorithm>
#include <string>

#include "router/h2/connection.hpp"
#include "router/http/rewrite.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::h2;

namespace {

class Sessions {
 public:
  Sessions(Connection& connection, std::uint8_t mode) : connection_(connection), mode_(mode) {}

  void run() {
    while (const Event event = connection_.next_event()) {
      Stream& stream = *event.stream;
      if ((event.what & Event::broken) != 0) {
        require(stream.broken());
        connection_.release(stream);
        continue;
      }
      if ((event.what & Event::request) != 0 && begin(stream)) continue;
      if ((event.what & Event::readable) != 0 && (mode_ & 1) != 0) {
        std::uint8_t some[1000];
        while (connection_.read(stream, some) > 0) {
        }
        if (stream.request_ended()) {
          finish(stream);
          continue;
        }
      }
      if ((event.what & Event::writable) != 0) finish(stream);
    }
  }

 private:
  // True: the stream has been given back.
  bool begin(Stream& stream) {
    if (!stream.request().refused()) {
      const http::RequestHead& head = stream.head();
      require(!head.authority.empty() && !head.target.path.empty());
      std::string out;
      http::write_request_head(
          head, {.path = head.target.path, .client_ip = "192.0.2.1", .framing = stream.request().framing()},
          out);
      // One head, whatever stood in the fields.
      require(out.find("\r\n\r\n") == out.size() - 4);
      require(out.find('\0') == out.npos);
    }
    if ((mode_ & 2) != 0) return false;
    answer(stream);
    if ((mode_ & 4) != 0) finish(stream);
    return (mode_ & 4) != 0;
  }

  void answer(Stream& stream) {
    http::ResponseHead head;
    head.status = stream.request().websocket() ? 101 : 200;
    connection_.answer(stream, head, {.framing = {http::Framing::Kind::chunked, 0}}, true);
  }

  void finish(Stream& stream) {
    if (!stream.answer_begun()) answer(stream);
    const std::string body(100'000, 'b');
    connection_.write(stream, as_bytes(body));
    if ((mode_ & 8) != 0) connection_.abort(stream);
    connection_.end(stream);
    connection_.release(stream);
  }

  Connection& connection_;
  std::uint8_t mode_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t mode = data[0];
  ByteView input(data + 1, size - 1);
  Limits limits;
  limits.streams = 20;
  const auto pool = std::make_shared<Pool>(limits);
  Connection connection(pool);
  Sessions sessions(connection, mode);
  TimePoint now{seconds(100)};
  std::string out;
  const auto pull = [&] {
    while (connection.pull(out, now)) {
      require(out.size() < 1024 * 1024);
      out.clear();
    }
    out.clear();
  };
  if ((mode & 16) != 0) connection.receive(as_bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), now);
  const std::size_t step = (mode & 32) != 0 ? 7 : 4096;
  while (!input.empty() && connection.accepts_input()) {
    const std::size_t piece = std::min(step, input.size());
    connection.receive(input.first(piece), now);
    input = input.subspan(piece);
    now += milliseconds(3);
    sessions.run();
    if ((mode & 64) != 0) pull();
    if (connection.finished()) break;
  }
  if ((mode & 128) != 0) connection.leave();
  pull();
  sessions.run();
  pull();
  return 0;
}
