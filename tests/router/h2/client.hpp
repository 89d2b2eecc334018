// An HTTP/2 client of bytes, for the tests of this folder: frames are written by hand, so that they can be
// wrong in any way; what the connection says is taken apart again.
#pragma once

#include <doctest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/h2/connection.hpp"

namespace roomgate::router::h2 {

using Field = std::pair<std::string, std::string>;
using Fields = std::vector<Field>;

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

inline std::string frame(int type, int flags, std::uint32_t stream, std::string_view payload = "") {
  std::string out(9, '\0');
  auto* head = reinterpret_cast<std::uint8_t*>(out.data());
  store24(head, static_cast<std::uint32_t>(payload.size()));
  head[3] = static_cast<std::uint8_t>(type);
  head[4] = static_cast<std::uint8_t>(flags);
  store32(head + 5, stream);
  return out.append(payload);
}

inline std::string number32(std::uint32_t value) {
  std::string out(4, '\0');
  store32(reinterpret_cast<std::uint8_t*>(out.data()), value);
  return out;
}

// RFC 7541 5.1 with a prefix of seven bits, and 6.2.2: literals without indexing.
inline void append_text(std::string_view text, std::string& out) {
  std::size_t size = text.size();
  if (size < 127) {
    out.push_back(static_cast<char>(size));
  } else {
    out.push_back(127);
    for (size -= 127; size >= 128; size >>= 7) out.push_back(static_cast<char>((size & 127) | 128));
    out.push_back(static_cast<char>(size));
  }
  out.append(text);
}

inline std::string block(const Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    out.push_back(0);
    append_text(name, out);
    append_text(value, out);
  }
  return out;
}

inline Fields get(std::string path = "/", Fields more = {}) {
  Fields fields = {
      {":method", "GET"}, {":scheme", "https"}, {":authority", "example.org"}, {":path", std::move(path)}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}
inline Fields post(Fields more = {}) {
  Fields fields = get("/upload", std::move(more));
  fields[0].second = "POST";
  return fields;
}

inline std::string headers(std::uint32_t stream, const Fields& fields, bool last = true) {
  return frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | (last ? NGHTTP2_FLAG_END_STREAM : 0), stream,
               block(fields));
}
inline std::string data(std::uint32_t stream, std::string_view bytes, bool last = false) {
  return frame(NGHTTP2_DATA, last ? NGHTTP2_FLAG_END_STREAM : 0, stream, bytes);
}
inline std::string rst(std::uint32_t stream, std::uint32_t error = NGHTTP2_CANCEL) {
  return frame(NGHTTP2_RST_STREAM, 0, stream, number32(error));
}
inline std::string window(std::uint32_t stream, std::uint32_t more) {
  return frame(NGHTTP2_WINDOW_UPDATE, 0, stream, number32(more));
}

struct Frame {
  int type = 0;
  int flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
  std::uint32_t number(std::size_t at = 0) const {
    return load32(reinterpret_cast<const std::uint8_t*>(payload.data()) + at);
  }
};

class Client {
 public:
  explicit Client(Limits limits = {}) : pool(std::make_shared<Pool>(limits)), server(pool) {
    nghttp2_hd_inflater* made = nullptr;
    REQUIRE(nghttp2_hd_inflate_new(&made) == 0);
    inflater_.reset(made);
  }

  // Preface and settings, and what the server says to them.
  void begin() {
    send(std::string(kPreface) + frame(NGHTTP2_SETTINGS, 0, 0));
    send(frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0));
    frames.clear();
  }

  void send(std::string_view bytes) {
    server.receive(as_bytes(bytes), now);
    collect();
  }
  // Without reading what the server has to say.
  void send_only(std::string_view bytes) { server.receive(as_bytes(bytes), now); }

  // What happened since, and what the server says.
  void collect() {
    while (const Event event = server.next_event()) {
      if ((event.what & Event::request) != 0) requests.push_back(event.stream);
      events.push_back(event);
    }
    std::string out;
    while (server.pull(out, now)) {
    }
    parse(out);
  }

  Stream& last_request() {
    REQUIRE(!requests.empty());
    return *requests.back();
  }

  std::size_t count(int type) const {
    return static_cast<std::size_t>(
        std::count_if(frames.begin(), frames.end(), [type](const Frame& f) { return f.type == type; }));
  }
  const Frame* find(int type) const {
    for (const Frame& f : frames) {
      if (f.type == type) return &f;
    }
    return nullptr;
  }
  // The error of the first RST_STREAM or GOAWAY; -1: neither.
  int stream_error() const {
    const Frame* f = find(NGHTTP2_RST_STREAM);
    return f == nullptr ? -1 : static_cast<int>(f->number());
  }
  int connection_error() const {
    const Frame* f = find(NGHTTP2_GOAWAY);
    return f == nullptr ? -1 : static_cast<int>(f->number(4));
  }
  std::string body(std::uint32_t stream) const {
    std::string all;
    for (const Frame& f : frames) {
      if (f.type == NGHTTP2_DATA && f.stream == stream) all += f.payload;
    }
    return all;
  }
  bool ended(std::uint32_t stream) const {
    return std::any_of(frames.begin(), frames.end(), [stream](const Frame& f) {
      return f.stream == stream && (f.type == NGHTTP2_DATA || f.type == NGHTTP2_HEADERS) &&
             (f.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    });
  }

  // A short answer, complete.
  void answer(Stream& stream, std::string_view text, int status = 200) {
    http::ResponseHead head;
    head.status = status;
    server.answer(stream, head, {.framing = {http::Framing::Kind::length, text.size()}}, !text.empty());
    if (!text.empty()) {
      CHECK(server.write(stream, as_bytes(text)) == text.size());
      server.end(stream);
    }
    server.release(stream);
  }

  std::shared_ptr<Pool> pool;
  Connection server;
  TimePoint now{seconds(1000)};
  std::vector<Frame> frames;
  std::vector<Fields> answers;  // of each HEADERS frame
  std::vector<Stream*> requests;
  std::vector<Event> events;

 private:
  void parse(std::string_view bytes) {
    while (!bytes.empty()) {
      REQUIRE(bytes.size() >= 9);
      const auto* head = reinterpret_cast<const std::uint8_t*>(bytes.data());
      const std::size_t size = load24(head);
      REQUIRE(bytes.size() >= 9 + size);
      frames.push_back({head[3], head[4], load32(head + 5), std::string(bytes.substr(9, size))});
      if (head[3] == NGHTTP2_HEADERS) inflate(frames.back().payload);
      bytes.remove_prefix(9 + size);
    }
  }
  void inflate(const std::string& bytes) {
    Fields fields;
    const auto* at = reinterpret_cast<const std::uint8_t*>(bytes.data());
    std::size_t left = bytes.size();
    int flags = 0;
    while ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0) {
      nghttp2_nv nv;
      const auto used = nghttp2_hd_inflate_hd2(inflater_.get(), &nv, &flags, at, left, 1);
      REQUIRE(used >= 0);
      at += used;
      left -= static_cast<std::size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        fields.emplace_back(as_text(ByteView(nv.name, nv.namelen)), as_text(ByteView(nv.value, nv.valuelen)));
      }
    }
    nghttp2_hd_inflate_end_headers(inflater_.get());
    answers.push_back(std::move(fields));
  }

  struct Delete {
    void operator()(nghttp2_hd_inflater* inflater) const { nghttp2_hd_inflate_del(inflater); }
  };
  std::unique_ptr<nghttp2_hd_inflater, Delete> inflater_;
};

inline std::string value_of(const Fields& fields, std::string_view name) {
  for (const auto& [each, value] : fields) {
    if (each == name) return value;
  }
  return "(none)";
}

}  // namespace roomgate::router::h2
