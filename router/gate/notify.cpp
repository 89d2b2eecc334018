#include "router/gate/notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/clock.hpp"

namespace roomgate::router::gate {

void notify_supervisor(std::string_view words) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t size = std::strlen(path);
  if (size < 2 || size >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, size);
  if (path[0] == '@') address.sun_path[0] = '\0';  // in the abstract namespace
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return;
  (void)::sendto(descriptor, words.data(), words.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address),
                 static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size));
  ::close(descriptor);
}

void notify_reloading() {
  // systemd compares it with CLOCK_MONOTONIC, which this clock is.
  const auto since_boot = std::chrono::duration_cast<microseconds>(Clock::now().time_since_epoch()).count();
  notify_supervisor("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(since_boot));
}

}  // namespace roomgate::router::gate
