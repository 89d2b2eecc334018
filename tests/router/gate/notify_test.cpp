#include "router/gate/notify.hpp"

#include <doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/random.hpp"

using namespace roomgate;
using namespace roomgate::router::gate;

namespace {

// What systemd has: a datagram socket, here in the abstract namespace, and its name in the environment.
struct Supervisor {
  Supervisor() : name("@roomgate-test-" + random_hex(8)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    REQUIRE(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Supervisor() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(descriptor);
  }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  std::string heard() const {
    std::array<char, 256> words{};
    const auto size = ::recv(descriptor, words.data(), words.size(), 0);
    return size < 0 ? "" : std::string(words.data(), static_cast<std::size_t>(size));
  }

  std::string name;
  int descriptor = -1;
};

}  // namespace

TEST_CASE("systemd hears what it is told, word for word") {
  const Supervisor supervisor;

  notify_supervisor("MAINPID=7\nREADY=1");
  CHECK(supervisor.heard() == "MAINPID=7\nREADY=1");
  notify_reloading();
  CHECK(supervisor.heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
  CHECK(supervisor.heard().empty());
}

TEST_CASE("without a supervisor, or one whose name makes no sense, nothing happens") {
  notify_supervisor("READY=1");
  ::setenv("NOTIFY_SOCKET", std::string(500, '/').c_str(), 1);
  notify_supervisor("READY=1");
  ::unsetenv("NOTIFY_SOCKET");
}
