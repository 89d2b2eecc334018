// What can go wrong with a socket, in the words the callers decide by. Values, any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.hpp"

namespace roomgate::net {

enum class IoError {
  timed_out,    // the deadline passed
  closed,       // the peer ended in the middle, or reset
  refused,      // connect: nobody listens
  unreachable,  // connect: no route, or no such address
  tls,          // the TLS engine gave up: protocol error, or a certificate that does not verify
  interrupted,  // Stream::interrupt()
  system,       // out of descriptors or memory, or an error we know no better word for
};

// Bytes transferred; reading 0 bytes is an orderly end.
using IoResult = Result<std::size_t, IoError>;
using IoStatus = Result<void, IoError>;

IoError from_errno(int error);
std::string_view to_string(IoError error);

}  // namespace roomgate::net
