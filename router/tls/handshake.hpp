// How a handshake ended, in words that a log line and a counter can use. On the thread that made it.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace roomgate::router::tls {

struct HandshakeFailure {
  bool refused = false;  // by us: the peer's certificate, or the lack of one
  std::string reason;
  std::string_view label() const { return refused ? "refused" : "failed"; }
};
// Right after SSL_do_handshake has said no, before OpenSSL is called again: takes what is in its error queue.
HandshakeFailure explain_failure(const SSL* ssl);

// Scanners fail handshakes all day. One line per interval tells how many; each is told at debug level only.
class FailureTally {
 public:
  struct Limits {
    Duration every = seconds(10);
  };
  FailureTally() = default;
  explicit FailureTally(Limits limits) : limits_(limits) {}
  // How many there were since the last line, when it is time for one.
  std::optional<std::uint64_t> note(TimePoint now);

 private:
  Limits limits_;
  std::uint64_t since_ = 0;
  std::optional<TimePoint> last_;
};

}  // namespace roomgate::router::tls
