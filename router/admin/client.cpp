#include "router/admin/client.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "router/http/response_parser.hpp"

namespace roomgate::router::admin {
namespace {

constexpr std::size_t kMaxAnswer = 64 * 1024 * 1024;

class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

Result<Socket, std::string> connect_to(const std::string& url) {
  const auto connected = [&url](int family, const sockaddr* address,
                                socklen_t size) -> Result<Socket, std::string> {
    Socket socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(socket.get(), address, size) != 0) {
      return fail("cannot reach the admin endpoint at " + url + ": " + std::strerror(errno) +
                  " (--admin URL says where it is)");
    }
    return socket;
  };
  std::string place = url;
  if (place.starts_with("unix:")) place = place.substr(5);
  if (place.starts_with('/')) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (place.size() >= sizeof address.sun_path) return fail("path too long for a socket: " + place);
    std::memcpy(address.sun_path, place.c_str(), place.size() + 1);
    return connected(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  if (place.starts_with("http://")) place = place.substr(7);
  while (place.ends_with('/')) place.pop_back();
  if (place.starts_with("localhost:")) place = "127.0.0.1:" + place.substr(10);
  const auto address = Address::parse(place, std::uint16_t{9090});
  if (!address) return fail("--admin is http://ADDRESS:PORT or unix:/PATH, not " + url);
  return connected(address->is_v4() ? AF_INET : AF_INET6, address->data(), address->size());
}

}  // namespace

Result<ClientAnswer, std::string> ask(const std::string& url, std::string_view method,
                                      const std::string& path, const std::string& body,
                                      const std::string& token) {
  auto socket = connect_to(url);
  if (!socket) return fail(socket.error());
  std::string request(method);
  request += " " + path + " HTTP/1.1\r\nHost: roomgate\r\nConnection: close\r\n";
  if (!token.empty()) request += "Authorization: Bearer " + token + "\r\n";
  if (!body.empty())
    request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  request += "\r\n" + body;
  for (std::string_view left = request; !left.empty();) {
    const auto sent = ::send(socket->get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0)
      return fail("the admin endpoint closed the connection: " + std::string(std::strerror(errno)));
    left.remove_prefix(static_cast<std::size_t>(sent));
  }
  std::string bytes;
  std::vector<char> piece(64 * 1024);
  while (bytes.size() < kMaxAnswer) {
    const auto received = ::recv(socket->get(), piece.data(), piece.size(), 0);
    if (received < 0) return fail("no answer from the admin endpoint: " + std::string(std::strerror(errno)));
    if (received == 0) break;
    bytes.append(piece.data(), static_cast<std::size_t>(received));
  }
  http::ResponseParser parser;
  const auto parsed = parser.parse(as_bytes(bytes));
  if (!parsed || !*parsed) return fail(url + " does not answer like a roomgate");
  return ClientAnswer{parser.head().status, bytes.substr(parser.head().size)};
}

std::string default_url() {
  std::vector<std::string> sockets;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/run/roomgate", error)) {
    if (entry.is_socket(error)) sockets.push_back(entry.path().string());
  }
  return sockets.size() == 1 ? sockets.front() : "http://127.0.0.1:9090";
}

}  // namespace roomgate::router::admin
