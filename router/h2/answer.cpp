// The head of an answer as HTTP/2 fields: the rules are those of http::write_response_head.
#include <array>
#include <charconv>

#include "router/h2/callbacks.hpp"
#include "router/h2/connection.hpp"

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
  bool has_shard = false;
  bool has_region = false;
  const HeaderView* length = nullptr;
  for (const HeaderView& header : head.headers) {
    if (header.id == HeaderId::content_length) length = &header;
    if (!http::passes_to_client(header, head)) continue;
    if (tunnel && header.id == HeaderId::sec_websocket_accept) continue;  // RFC 8441 5
    has_shard = has_shard || header.id == HeaderId::x_jitsi_shard;
    has_region = has_region || header.id == HeaderId::x_jitsi_region;
    fields.add(header.name, header.value);
  }
  if (rewrite.framing.kind == http::Framing::Kind::length) {
    fields.add_length(rewrite.framing.length);
  } else if (rewrite.framing.kind == http::Framing::Kind::none && head.status >= 200 && head.status != 204 &&
             length != nullptr) {
    fields.add("content-length", length->value);
  }
  const bool add_shard = !has_shard && !rewrite.announced_shard.empty();
  const bool add_region = !has_region && !rewrite.announced_region.empty();
  if (add_shard) fields.add("x-jitsi-shard", rewrite.announced_shard);
  if (add_region) fields.add("x-jitsi-region", rewrite.announced_region);
  if (add_shard || add_region) fields.add("access-control-expose-headers", "X-Jitsi-Shard, X-Jitsi-Region");
  if (!rewrite.why.empty()) fields.add("x-roomgate-why", rewrite.why);

  const nghttp2_data_provider body = Callbacks::provider(stream);
  stream.has_provider_ = has_body;
  (void)nghttp2_submit_response(session_.get(), stream.id_, fields.data(), fields.size(),
                                has_body ? &body : nullptr);
}

}  // namespace roomgate::router::h2
