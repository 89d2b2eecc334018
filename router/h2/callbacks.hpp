// What libnghttp2 calls while it reads and writes: each changes one stream or counts one frame, nothing is
// answered from inside. Part of Connection, apart because it speaks C.
#pragma once

#include <nghttp2/nghttp2.h>

#include "router/h2/connection.hpp"

namespace roomgate::router::h2 {

struct Callbacks {
  static void set(nghttp2_session_callbacks* callbacks);
  // Frames a stream's answer from its queue.
  static nghttp2_data_provider provider(Stream& stream);

 private:
  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* self);
  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t flags, void* self);
  static int on_invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*, std::size_t,
                               const std::uint8_t*, std::size_t, std::uint8_t, void*);
  static int on_data_chunk(nghttp2_session* session, std::uint8_t flags, std::int32_t id,
                           const std::uint8_t* data, std::size_t size, void* self);
  static int on_frame_recv(nghttp2_session* session, const nghttp2_frame* frame, void* self);
  static int on_frame_send(nghttp2_session* session, const nghttp2_frame* frame, void* self);
  static int on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t error, void* self);
  static ssize_t read_answer(nghttp2_session*, std::int32_t id, std::uint8_t* into, std::size_t room,
                             std::uint32_t* flags, nghttp2_data_source* source, void* self);
  static int send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* header, std::size_t size,
                       nghttp2_data_source* source, void* self);
  static int request_complete(nghttp2_session* session, const nghttp2_frame& frame, Connection& connection,
                              Stream& stream);
};

}  // namespace roomgate::router::h2
