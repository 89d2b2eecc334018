#include "base/net/tls_engine.hpp"

#include <cerrno>
#include <cstring>

namespace roomgate::net {
namespace {

// Whole records of bulk data go as they are; copying them would cost more than the call it saves.
constexpr std::size_t kGathered = 8 * 1024;

BIO_METHOD* make_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "roomgate stream");
  BIO_meth_set_write(method, &TlsEngine::on_write);
  BIO_meth_set_read(method, &TlsEngine::on_read);
  BIO_meth_set_ctrl(method, &TlsEngine::on_control);
  return method;
}

const BIO_METHOD* method() {
  static const BIO_METHOD* const made = make_method();
  return made;
}

}  // namespace

void TlsEngine::attach(SSL* ssl, Stream& stream) {
  BIO* bio = BIO_new(method());
  BIO_set_data(bio, &stream);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
}

int TlsEngine::on_write(BIO* bio, const char* bytes, int size) {
  Stream& stream = *static_cast<Stream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const auto wanted = static_cast<std::size_t>(size);
  if (wanted < kGathered) {
    if (!stream.out_) {
      stream.out_ = stream.core_.buffers().take(BufferPool::Size::small);
      stream.out_begin_ = stream.out_end_ = 0;
    }
    if (stream.out_.size() - stream.out_end_ >= wanted) {
      std::memcpy(stream.out_.span().data() + stream.out_end_, bytes, wanted);
      stream.out_end_ += wanted;
      return size;
    }
  }
  const auto flushed = stream.flush();
  if (!flushed) return -1;
  if (!*flushed) {
    BIO_set_retry_write(bio);
    return -1;
  }
  const iovec part{const_cast<char*>(bytes), wanted};
  const auto sent = stream.send_parts({&part, 1});
  if (!sent) {
    BIO_set_retry_write(bio);
    return -1;
  }
  return sent->ok() ? static_cast<int>(**sent) : -1;
}

int TlsEngine::on_read(BIO* bio, char* into, int size) {
  Stream& stream = *static_cast<Stream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const auto received =
      stream.receive({reinterpret_cast<std::uint8_t*>(into), static_cast<std::size_t>(size)});
  if (!received) {
    BIO_set_retry_read(bio);
    return -1;
  }
  if (!received->ok()) return -1;
  if (**received == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(**received);
}

long TlsEngine::on_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;  // the stream decides when
    case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    default: return 0;
  }
}

}  // namespace roomgate::net
