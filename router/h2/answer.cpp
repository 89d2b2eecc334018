// The head of an answer as HTTP/2 fields: the rules are those of http::write_response_head.
#include <array>
#include <charconv>

#include "router/h2/callbacks.hpp"
#include "router/h2/connection.hpp"
#include "router/http/answer_fields.hpp"

namespace roomgate::router::h2 {

using http::HeaderId;
using http::HeaderView;

namespace {

// Fields for libnghttp2, which copies them, and writes names in lower case.
class Fields {
 public:
  void add(std::string_view name, std::string_view value) {
    if (count_ == fields_.size()) return;
    fields_[count_++] = {unconst(name), unconst(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
  }
  void add_status(int status) {
    const auto end = std::to_chars(status_.data(), status_.data() + status_.size(), status);
    add(":status", {status_.data(), static_cast<std::size_t>(end.ptr - status_.data())});
  }
  void add_length(std::uint64_t length) {
    const auto end = std::to_chars(length_.data(), length_.data() + length_.size(), length);
    add("content-length", {length_.data(), static_cast<std::size_t>(end.ptr - length_.data())});
  }
  const nghttp2_nv* data() const { return fields_.data(); }
  std::size_t size() const { return count_; }

 private:
  // nghttp2_nv has no const; nothing is written through it.
  static std::uint8_t* unconst(std::string_view text) {
    return const_cast<std::uint8_t*>(as_bytes(text).data());
  }
  std::array<nghttp2_nv, http::kHeaderSlots + 8> fields_;
  std::size_t count_ = 0;
  std::array<char, 12> status_;
  std::array<char, 20> length_;
};

}  // namespace

void Connection::interim(Stream& stream, const http::ResponseHead& head) {
  if (stream.closed_ || stream.answer_begun_) return;
  Fields fields;
  fields.add_status(head.status);
  for (const HeaderView& header : head.headers) {
    if (http::passes_to_client(header, head)) fields.add(header.name, header.value);
  }
  (void)nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, stream.id_, nullptr, fields.data(),
                               fields.size(), nullptr);
}

void Connection::answer(Stream& stream, const http::ResponseHead& head, const http::ResponseRewrite& rewrite,
                        bool has_body) {
  if (stream.answer_begun_) return;
  stream.answer_begun_ = true;
  if (!has_body) stream.answer_ended_ = true;
  if (stream.closed_) return;
  const bool tunnel = head.status == 101;
  Fields fields;
  fields.add_status(tunnel ? 200 : head.status);
  const auto passed = http::pass_fields(head, rewrite, [&fields, tunnel](const HeaderView& header) {
    if (tunnel && header.id == HeaderId::sec_websocket_accept) return;  // RFC 8441 5
    fields.add(header.name, header.value);
  });
  if (rewrite.framing.kind == http::Framing::Kind::length) fields.add_length(rewrite.framing.length);
  if (const auto length = http::told_length(head, rewrite, passed); !length.empty())
    fields.add("content-length", length);
  http::add_own_fields(rewrite, passed,
                       [&fields](std::string_view name, std::string_view value) { fields.add(name, value); });

  const nghttp2_data_provider body = Callbacks::provider(stream);
  stream.has_provider_ = has_body;
  (void)nghttp2_submit_response(session_.get(), stream.id_, fields.data(), fields.size(),
                                has_body ? &body : nullptr);
}

}  // namespace roomgate::router::h2
