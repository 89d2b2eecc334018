#include "base/net/io_error.hpp"

#include <cerrno>

namespace roomgate::net {

IoError from_errno(int error) {
  switch (error) {
    case ECONNREFUSED: return IoError::refused;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED: return IoError::closed;
    case ETIMEDOUT: return IoError::timed_out;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EACCES:
    case EPERM: return IoError::unreachable;
    default: return IoError::system;
  }
}

std::string_view to_string(IoError error) {
  switch (error) {
    case IoError::timed_out: return "timed out";
    case IoError::closed: return "connection closed";
    case IoError::refused: return "connection refused";
    case IoError::unreachable: return "unreachable";
    case IoError::tls: return "tls failure";
    case IoError::interrupted: return "interrupted";
    case IoError::system: return "system error";
  }
  return "unknown";
}

}  // namespace roomgate::net
