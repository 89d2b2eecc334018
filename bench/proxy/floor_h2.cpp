// The bare relay under HTTP/2: a libnghttp2 session per client, each stream on a pooled back-end connection.
#include <nghttp2/nghttp2.h>
#include <sys/epoll.h>

#include <cstring>
#include <unordered_map>

#include "bench/proxy/floor.hpp"

namespace roomgate::bench::proxy {
namespace {

constexpr std::size_t kWriteAtOnce = 32 * 1024;

class H2Client;

struct Stream : Asker {
  Stream(H2Client& of, std::int32_t number) : client(of), id(number) {}
  bool on_bytes(std::string_view bytes, bool in_head) override;
  void on_response_end() override;
  void on_upstream_closed() override;

  H2Client& client;
  std::int32_t id;
  std::string method, path, authority, fields;
  Upstream* upstream = nullptr;
  std::string body;
  bool ended = false;
};

class H2Client : public Handler {
 public:
  H2Client(Floor& floor, Wire wire) : floor_(floor), wire_(std::move(wire)) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, field);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_close);
    nghttp2_session_server_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
    floor.poller.replace(wire_.fd(), *this);
  }
  ~H2Client() override { nghttp2_session_del(session_); }

  void on_event(std::uint32_t events) override {
    if (dead_) return;
    if (events == 0) dirty_ = false;  // our turn at the end of the round
    if ((events & EPOLLIN) != 0) read();
    if (!dead_) write();
  }

  void submit(Stream& stream, std::string_view head) {
    std::vector<nghttp2_nv> fields;
    const auto add = [&](std::string_view name, std::string_view value) {
      fields.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    };
    std::string lower{head};
    add(":status", head.substr(9, 3));
    for (std::size_t at = head.find("\r\n") + 2; at + 2 < head.size();) {
      const auto end = head.find("\r\n", at);
      const auto colon = head.find(':', at);
      for (std::size_t i = at; i < colon; ++i)
        if (lower[i] >= 'A' && lower[i] <= 'Z') lower[i] = static_cast<char>(lower[i] | 32);
      add(std::string_view{lower}.substr(at, colon - at), head.substr(colon + 2, end - colon - 2));
      at = end + 2;
    }
    nghttp2_data_provider provider{.source = {.ptr = &stream}, .read_callback = read_body};
    nghttp2_submit_response(session_, stream.id, fields.data(), fields.size(), &provider);
  }

  void more(Stream& stream) {
    nghttp2_session_resume_data(session_, stream.id);
    mark();
  }

  void reset(Stream& stream) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_INTERNAL_ERROR);
    mark();
  }

 private:
  static std::uint8_t* bytes_of(std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));  // nghttp2 does not write to it
  }
  static H2Client& self(void* data) { return *static_cast<H2Client*>(data); }

  void mark() {
    if (!std::exchange(dirty_, true)) floor_.dirty.push_back(this);
  }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    self(data).streams_.try_emplace(frame->hd.stream_id, self(data), frame->hd.stream_id);
    return 0;
  }

  static int field(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                   std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                   void* data) {
    Stream& stream = self(data).streams_.at(frame->hd.stream_id);
    const std::string_view key{reinterpret_cast<const char*>(name), name_size};
    const std::string_view text{reinterpret_cast<const char*>(value), value_size};
    if (key == ":method")
      stream.method = text;
    else if (key == ":path")
      stream.path = text;
    else if (key == ":authority")
      stream.authority = text;
    else if (!key.starts_with(':'))
      stream.fields.append(key).append(": ").append(text).append("\r\n");
    return 0;
  }

  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    if (frame->hd.type != NGHTTP2_HEADERS || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    auto& client = self(data);
    Stream& stream = client.streams_.at(frame->hd.stream_id);
    stream.upstream = &client.floor_.take(back_of(stream.path));
    stream.upstream->ask(stream, stream.method + ' ' + stream.path + " HTTP/1.1\r\nhost: " +
                                     stream.authority + "\r\n" + stream.fields + "\r\n");
    return 0;
  }

  static int stream_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* data) {
    const auto found = self(data).streams_.find(id);
    if (found == self(data).streams_.end()) return 0;
    if (found->second.upstream != nullptr) found->second.upstream->close();
    self(data).streams_.erase(found);
    return 0;
  }

  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& stream = *static_cast<Stream*>(source->ptr);
    const auto bytes = std::min(size, stream.body.size());
    std::memcpy(into, stream.body.data(), bytes);
    stream.body.erase(0, bytes);
    if (stream.body.empty() && stream.ended)
      *flags = NGHTTP2_DATA_FLAG_EOF;
    else if (bytes == 0)
      return NGHTTP2_ERR_DEFERRED;
    return static_cast<ssize_t>(bytes);
  }

  void read() {
    while (true) {
      const auto got = wire_.read(floor_.scratch);
      if (got.state == IoState::kAgain) return;
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(floor_.scratch.data());
      if (got.state != IoState::kOk || nghttp2_session_mem_recv(session_, bytes, got.bytes) < 0) return end();
    }
  }

  void write() {
    while (true) {
      while (out_.size() < kWriteAtOnce) {
        const std::uint8_t* bytes = nullptr;
        const auto size = nghttp2_session_mem_send(session_, &bytes);
        if (size < 0) return end();
        if (size == 0) break;
        out_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
      }
      if (out_.empty()) break;
      const auto put = wire_.write(out_);
      if (put.state == IoState::kAgain) return;
      if (put.state != IoState::kOk) return end();
      out_.erase(0, put.bytes);
    }
    if (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0) end();
  }

  void end() {
    dead_ = true;
    if (dirty_) std::erase(floor_.dirty, this);
    for (auto& [id, stream] : streams_)
      if (stream.upstream != nullptr) stream.upstream->close();
    streams_.clear();
    floor_.poller.bury(std::unique_ptr<Handler>{this});
  }

  Floor& floor_;
  Wire wire_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<std::int32_t, Stream> streams_;
  std::string out_;
  bool dirty_ = false, dead_ = false;
};

bool Stream::on_bytes(std::string_view bytes, bool in_head) {
  if (in_head) {
    const auto head = bytes.substr(0, bytes.find("\r\n\r\n") + 4);
    bytes.remove_prefix(head.size());
    body = bytes;
    client.submit(*this, head);
  } else {
    body += bytes;
  }
  client.more(*this);
  return true;
}

void Stream::on_response_end() {
  ended = true;
  upstream = nullptr;
  client.more(*this);
}

void Stream::on_upstream_closed() {
  upstream = nullptr;
  client.reset(*this);
}

}  // namespace

void start_h2(Floor& floor, Wire wire) {
  auto* client = new H2Client{floor, std::move(wire)};  // owns itself until its connection ends
  client->on_event(EPOLLIN);
}

}  // namespace roomgate::bench::proxy
