#include "router/h2/connection.hpp"

#include <doctest.h>

#include "router/http/head_reader.hpp"
#include "tests/router/h2/client.hpp"

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::h2;

namespace {

std::string take(Client& client, Stream& stream, std::size_t room = 1 << 20) {
  std::string bytes(room, '\0');
  bytes.resize(client.server.read(stream, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()}));
  return bytes;
}

http::ResponseHead status(int code) {
  http::ResponseHead head;
  head.status = code;
  return head;
}

constexpr http::ResponseRewrite kOpen{.framing = {http::Framing::Kind::chunked, 0}};

std::uint32_t window_sum(const Client& client, std::uint32_t stream) {
  std::uint32_t sum = 0;
  for (const Frame& f : client.frames) {
    if (f.type == NGHTTP2_WINDOW_UPDATE && f.stream == stream) sum += f.number();
  }
  return sum;
}

}  // namespace

TEST_CASE("says its limits first") {
  Client client;
  client.send(std::string(kPreface) + frame(NGHTTP2_SETTINGS, 0, 0));

  REQUIRE(!client.frames.empty());
  const Frame& settings = client.frames[0];
  CHECK(settings.type == NGHTTP2_SETTINGS);
  bool connect = false;
  bool streams = false;
  for (std::size_t at = 0; at + 6 <= settings.payload.size(); at += 6) {
    const auto id = load16(reinterpret_cast<const std::uint8_t*>(settings.payload.data()) + at);
    if (id == NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) connect = settings.number(at + 2) == 1;
    if (id == NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS) streams = settings.number(at + 2) == 100;
  }
  CHECK(connect);
  CHECK(streams);
}

TEST_CASE("takes a request and sends its answer, head and end together") {
  Client client;
  client.begin();
  client.send(headers(1, get("/a")));
  Stream& stream = client.last_request();
  CHECK(stream.head().target.path == "/a");
  CHECK(stream.request_ended());

  client.answer(stream, "hello");
  client.collect();

  REQUIRE(client.answers.size() == 1);
  CHECK(client.answers[0][0] == Field(":status", "200"));
  CHECK(value_of(client.answers[0], "content-length") == "5");
  CHECK(client.body(1) == "hello");
  CHECK(client.count(NGHTTP2_DATA) == 1);
  CHECK(client.ended(1));
  CHECK(client.server.working() == 0);
}

TEST_CASE("writes an answer's head by the rules of HTTP/1's") {
  Client client;
  client.begin();
  client.send(headers(1, get()));
  const std::array<http::HeaderView, 9> fields = {{
      {"Content-Type", "text/html", http::HeaderId::other},
      {"Connection", "close, X-Hop", http::HeaderId::connection},
      {"X-Hop", "a", http::HeaderId::other},
      {"Keep-Alive", "timeout=5", http::HeaderId::keep_alive},
      {"Transfer-Encoding", "chunked", http::HeaderId::transfer_encoding},
      {"Trailer", "x", http::HeaderId::trailer},
      {"X-Jitsi-Shard", "shard-0", http::HeaderId::x_jitsi_shard},
      {"Set-Cookie", "a=b", http::HeaderId::other},
      {"Set-Cookie", "c=d", http::HeaderId::other},
  }};
  http::ResponseHead head = status(200);
  head.headers = fields;
  head.connection = http::connection_options(fields);

  client.server.answer(client.last_request(), head,
                       {.framing = {http::Framing::Kind::chunked, 0},
                        .announced_shard = "shard-0",
                        .announced_region = "eu",
                        .why = "stick"},
                       true);
  client.collect();

  REQUIRE(client.answers.size() == 1);
  const Fields& answer = client.answers[0];
  CHECK(value_of(answer, "content-type") == "text/html");
  for (const char* gone :
       {"connection", "x-hop", "keep-alive", "transfer-encoding", "trailer", "content-length"})
    CHECK(value_of(answer, gone) == "(none)");
  CHECK(value_of(answer, "x-jitsi-shard") == "shard-0");
  CHECK(value_of(answer, "x-jitsi-region") == "eu");
  CHECK(value_of(answer, "x-roomgate-why") == "stick");
  CHECK(std::count(answer.begin(), answer.end(), Field("set-cookie", "a=b")) == 1);
  CHECK(std::count(answer.begin(), answer.end(), Field("set-cookie", "c=d")) == 1);
}

TEST_CASE("an answer without a body ends with its head") {
  Client client;
  client.begin();
  client.send(headers(1, get()));
  const http::HeaderView length{"Content-Length", "77", http::HeaderId::content_length};
  http::ResponseHead head = status(304);
  head.headers = {&length, 1};

  client.server.answer(client.last_request(), head, {}, false);
  client.server.release(client.last_request());
  client.collect();

  CHECK(value_of(client.answers.at(0), "content-length") == "77");
  CHECK(client.ended(1));
  CHECK(client.count(NGHTTP2_DATA) == 0);
}

TEST_CASE("interim answers come before the final one") {
  Client client;
  client.begin();
  client.send(headers(1, post({{"expect", "100-continue"}, {"content-length", "2"}}), false));
  CHECK(client.last_request().head().expects_continue);

  client.server.interim(client.last_request(), status(100));
  client.collect();
  client.send(data(1, "ab", true));
  CHECK(take(client, client.last_request()) == "ab");
  client.answer(client.last_request(), "x");
  client.collect();

  REQUIRE(client.answers.size() == 2);
  CHECK(client.answers[0][0].second == "100");
  CHECK(client.answers[1][0].second == "200");
}

TEST_CASE("opens windows only as bytes are taken") {
  Client client;
  client.begin();
  client.send(headers(1, post(), false));
  const std::string piece(16 * 1024, 'a');
  for (int i = 0; i < 4; ++i) client.send(data(1, piece));
  Stream& stream = client.last_request();
  CHECK(stream.readable() == 64 * 1024);
  CHECK(client.count(NGHTTP2_WINDOW_UPDATE) == 0);

  // Beyond the window: an error of the stream, and nothing is kept.
  Client greedy;
  greedy.begin();
  greedy.send(headers(1, post(), false));
  for (int i = 0; i < 5; ++i) greedy.send(data(1, piece));
  CHECK((greedy.stream_error() == NGHTTP2_FLOW_CONTROL_ERROR ||
         greedy.connection_error() == NGHTTP2_FLOW_CONTROL_ERROR));

  CHECK(take(client, stream).size() == 64 * 1024);
  client.collect();
  CHECK(window_sum(client, 1) == 64 * 1024);
}

TEST_CASE("what nobody takes does not hold the connection's window") {
  Client client;
  client.begin();
  const std::string piece(16 * 1024, 'a');
  for (std::uint32_t id = 1; id < 2 * 40; id += 2) {
    client.send(headers(id, post(), false));
    for (int i = 0; i < 3; ++i) client.send(data(id, piece));
    Stream& stream = client.last_request();
    if (id % 4 == 1) {
      client.send(rst(id));
      CHECK(stream.broken());
      client.server.release(stream);
    } else {
      client.answer(stream, "no", 413);
      client.collect();
      client.send(data(id, "late"));
    }
  }
  CHECK(client.connection_error() == -1);
  CHECK(window_sum(client, 0) > std::uint32_t{40 * 3 * 16 * 1024 - 256 * 1024});
  CHECK(client.server.working() == 0);
}

TEST_CASE("an answer before the request's end stops the rest of it") {
  Client client;
  client.begin();
  client.send(headers(1, post(), false) + data(1, "abc"));

  client.answer(client.last_request(), "too much", 413);
  client.collect();

  CHECK(client.body(1) == "too much");
  CHECK(client.ended(1));
  CHECK(client.stream_error() == NGHTTP2_NO_ERROR);
}

TEST_CASE("a body that does not have its length is refused") {
  const struct {
    std::string_view first;
    bool last;
    std::string_view second;
  } cases[] = {{"ab", true, ""}, {"abcd", false, ""}, {"ab", false, "cd"}};
  for (const auto& each : cases) {
    Client client;
    client.begin();
    client.send(headers(1, post({{"content-length", "3"}}), false));
    client.send(data(1, each.first, each.last));
    if (!each.second.empty()) client.send(data(1, each.second, true));
    CHECK(client.stream_error() == NGHTTP2_PROTOCOL_ERROR);
    CHECK(client.last_request().broken());
    CHECK_FALSE(client.last_request().request_ended());
  }
}

TEST_CASE("trailers end a body and are dropped") {
  Client client;
  client.begin();
  client.send(headers(1, post(), false) + data(1, "ab") + headers(1, {{"x-sum", "1"}}));

  CHECK(client.last_request().request_ended());
  CHECK(client.last_request().head().headers.empty());
  CHECK(take(client, client.last_request()) == "ab");
}

TEST_CASE("queues no more of an answer than its bounds, however little the client reads") {
  Limits limits;
  Client client(limits);
  client.begin();
  // The client's windows stay at 65,535 bytes for each stream and for all of them.
  std::string bytes;
  for (std::uint32_t id = 1; id < 2 * 100; id += 2) bytes += headers(id, get());
  client.send(bytes);
  REQUIRE(client.requests.size() == 100);
  const std::string piece(200 * 1024, 'x');
  std::size_t queued = 0;
  for (Stream* stream : client.requests) {
    client.server.answer(*stream, status(200), kOpen, true);
    queued += client.server.write(*stream, as_bytes(piece));
  }
  CHECK(queued <= limits.connection_queue + 100 * limits.least_queue);
  client.collect();

  std::size_t sent = 0;
  for (const Frame& f : client.frames) sent += f.type == NGHTTP2_DATA ? f.payload.size() : 0;
  CHECK(sent == 65535);
  for (Stream* stream : client.requests) {
    queued += client.server.write(*stream, as_bytes(piece));
    CHECK(stream->waiting() <= limits.stream_queue);
  }
  CHECK(queued - sent <= limits.connection_queue + 100 * limits.least_queue);
}

TEST_CASE("says when a stream has room again, and all of the body arrives in order") {
  Client client;
  client.begin();
  client.send(headers(1, get()));
  Stream& stream = client.last_request();
  std::string body(300 * 1024, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 >> 8);
  client.server.answer(stream, status(200), kOpen, true);
  std::size_t written = client.server.write(stream, as_bytes(body));
  CHECK(written == 64 * 1024);
  for (int turn = 0; turn < 100 && written < body.size(); ++turn) {
    client.events.clear();
    client.collect();
    client.send(window(1, 40'000) + window(0, 40'000));
    client.collect();
    const bool writable = std::any_of(client.events.begin(), client.events.end(),
                                      [](const Event& event) { return (event.what & Event::writable) != 0; });
    if (writable) written += client.server.write(stream, as_bytes(std::string_view(body).substr(written)));
  }
  CHECK(written == body.size());
  client.server.end(stream);
  client.send(window(1, 400'000) + window(0, 400'000));

  CHECK(client.body(1) == body);
  CHECK(client.ended(1));
}

TEST_CASE("half an answer is no whole one") {
  Client client;
  client.begin();
  client.send(headers(1, get()));
  Stream& stream = client.last_request();
  client.server.answer(stream, status(200), kOpen, true);
  client.server.write(stream, as_bytes("half"));
  client.collect();

  client.server.abort(stream);
  client.server.release(stream);
  client.collect();

  CHECK_FALSE(client.ended(1));
  CHECK(client.stream_error() == NGHTTP2_INTERNAL_ERROR);
}

TEST_CASE("a tunnel carries bytes both ways and ends one way at a time") {
  Client client;
  client.begin();
  client.send(headers(1,
                      {{":method", "CONNECT"},
                       {":protocol", "websocket"},
                       {":scheme", "https"},
                       {":path", "/ws"},
                       {":authority", "a"},
                       {"sec-websocket-version", "13"}},
                      false));
  Stream& stream = client.last_request();
  REQUIRE(stream.request().websocket());
  const http::HeaderView accept{"Sec-WebSocket-Accept", "x", http::HeaderId::sec_websocket_accept};
  http::ResponseHead head = status(101);
  head.headers = {&accept, 1};

  client.server.answer(stream, head, {.framing = {http::Framing::Kind::tunnel, 0}}, true);
  client.send(data(1, "up"));
  client.server.write(stream, as_bytes("down"));
  client.collect();

  CHECK(client.answers.at(0) == Fields{{":status", "200"}});
  CHECK(take(client, stream) == "up");
  CHECK(client.body(1) == "down");
  client.server.end(stream);
  client.collect();
  CHECK(client.ended(1));
  client.send(data(1, "last", true));
  CHECK(take(client, stream) == "last");
  CHECK(stream.request_ended());
  CHECK_FALSE(stream.broken());
  client.server.release(stream);
}

TEST_CASE("what a WebSocket said before it was cancelled is still there, of another request it is not") {
  Client client;
  client.begin();
  client.send(headers(1,
                      {{":method", "CONNECT"},
                       {":protocol", "websocket"},
                       {":scheme", "https"},
                       {":path", "/ws"},
                       {":authority", "a"},
                       {"sec-websocket-version", "13"}},
                      false));
  Stream& socket = client.last_request();
  client.send(headers(3, post(), false));
  Stream& upload = client.last_request();

  client.send(data(1, "goodbye") + rst(1) + data(3, "half") + rst(3));

  CHECK(socket.broken());
  CHECK(take(client, socket) == "goodbye");
  CHECK(upload.broken());
  CHECK(upload.readable() == 0);
  client.server.release(socket);
  client.server.release(upload);
  CHECK(client.server.working() == 0);
}

TEST_CASE("a stream counts until its work has ended") {
  Limits limits;
  limits.streams = 10;
  Client client(limits);
  client.begin();
  std::string bytes;
  for (std::uint32_t id = 1; id < 2 * 10; id += 2) bytes += headers(id, get()) + rst(id);
  client.send(bytes);
  CHECK(client.server.working() == 10);

  client.send(headers(21, get()));
  CHECK(client.requests.size() == 10);
  CHECK(client.stream_error() == NGHTTP2_REFUSED_STREAM);

  client.server.release(*client.requests[3]);
  client.send(headers(23, get()));
  CHECK(client.requests.size() == 11);
}

TEST_CASE("answers a head that is too large, and refuses what is no request") {
  Client client;
  client.begin();
  Fields large = get();
  for (int i = 0; i < 20; ++i) large.emplace_back("x-" + std::to_string(i), std::string(1000, 'a'));
  const std::string bytes = block(large);
  client.send(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, bytes.substr(0, 16000)) +
              frame(NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, bytes.substr(16000)));
  CHECK(client.last_request().request().refused() == http::ParseError::head_too_large);
  client.answer(client.last_request(), "431", 431);

  client.send(headers(3, get("/", {{"connection", "close"}})));
  CHECK(client.requests.size() == 1);
  CHECK(client.stream_error() == NGHTTP2_PROTOCOL_ERROR);
  CHECK(client.connection_error() == -1);
}

TEST_CASE("leaves in two steps and takes what was on its way") {
  Client client;
  client.begin();
  client.send(headers(1, get()));
  client.server.leave();
  client.collect();
  REQUIRE(client.find(NGHTTP2_GOAWAY) != nullptr);
  CHECK(client.find(NGHTTP2_GOAWAY)->number() == 0x7fffffff);
  const Frame* ping = client.find(NGHTTP2_PING);
  REQUIRE(ping != nullptr);

  // Its answer has overtaken a stream that it had opened before it read the notice.
  client.send(frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, ping->payload) + headers(3, get()));
  CHECK(client.requests.size() == 2);
  CHECK(client.frames.back().type == NGHTTP2_PING);
  client.send(frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, client.frames.back().payload));
  CHECK(client.frames.back().type == NGHTTP2_GOAWAY);
  CHECK(client.frames.back().number() == 3);
  client.send(headers(5, get()));
  CHECK(client.requests.size() == 2);
  CHECK_FALSE(client.server.finished());

  client.answer(*client.requests[0], "a");
  client.answer(*client.requests[1], "b");
  client.collect();
  CHECK(client.ended(3));
  CHECK(client.server.finished());
}

TEST_CASE("ends at once for what is no HTTP/2") {
  Client client;
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.connection_error() == NGHTTP2_PROTOCOL_ERROR);
  CHECK(client.server.finished());
}

TEST_CASE("a connection that goes leaves nothing behind") {
  auto client = std::make_unique<Client>();
  client->begin();
  client->send(headers(1, post(), false) + data(1, "abc") + headers(3, get()));
  client->server.answer(*client->requests[1], status(200), kOpen, true);
  client->server.write(*client->requests[1], as_bytes("unsent"));
  client.reset();
}
