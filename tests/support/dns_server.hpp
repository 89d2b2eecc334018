// A name server on a loopback port of its own, UDP and TCP, that answers what the test says: for right
// answers and for wrong ones. A thread with plain sockets.
#pragma once

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/dns_message.hpp"

namespace roomgate::tests {

struct DnsQuery {
  std::string name;  // lower case
  std::uint16_t type = 0;
  std::uint16_t id = 0;
  bool tcp = false;

  DnsMessage answer(std::vector<DnsRecord> records, std::uint16_t rcode = 0) const {
    return {.id = id,
            .flags = static_cast<std::uint16_t>(0x8180U | rcode),
            .name = name,
            .type = type,
            .answers = std::move(records)};
  }
};

class DnsServer {
 public:
  // The messages that go back, perhaps none. Called on the server's thread.
  using Handler = std::function<std::vector<std::string>(const DnsQuery&)>;

  explicit DnsServer(Handler handler) : handler_(std::move(handler)), end_(::eventfd(0, EFD_CLOEXEC)) {
    // The system chooses a port for one of them; the other may find it taken.
    for (int attempt = 0; attempt < 100 && tcp_ < 0; ++attempt) open();
    if (tcp_ < 0) throw std::runtime_error("no port for a name server");
    thread_ = std::thread([this] { run(); });
  }
  ~DnsServer() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(end_, &one, sizeof one);
    thread_.join();
    for (const int descriptor : {udp_, tcp_, end_}) ::close(descriptor);
  }
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  std::string address() const { return address_.to_string(); }

 private:
  void open() {
    address_ = *Address::parse("127.0.0.1:0");
    udp_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int tcp = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in bound{};
    socklen_t size = sizeof bound;
    const bool ok = ::bind(udp_, address_.data(), address_.size()) == 0 &&
                    ::getsockname(udp_, reinterpret_cast<sockaddr*>(&bound), &size) == 0 &&
                    ::bind(tcp, reinterpret_cast<const sockaddr*>(&bound), size) == 0 &&
                    ::listen(tcp, 16) == 0;
    if (ok) {
      address_ = *Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&bound), size);
      tcp_ = tcp;
    } else {
      ::close(udp_);
      ::close(tcp);
    }
  }

  void run() {
    std::vector<int> clients;
    for (;;) {
      std::vector<pollfd> polled{{end_, POLLIN, 0}, {udp_, POLLIN, 0}, {tcp_, POLLIN, 0}};
      for (const int client : clients) polled.push_back({client, POLLIN, 0});
      ::poll(polled.data(), polled.size(), -1);
      if (polled[0].revents != 0) break;
      if (polled[1].revents != 0) answer_datagram();
      if (polled[2].revents != 0) clients.push_back(::accept4(tcp_, nullptr, nullptr, SOCK_CLOEXEC));
      for (std::size_t i = 3; i < polled.size(); ++i) {
        if (polled[i].revents == 0 || answer_stream(polled[i].fd)) continue;
        ::close(polled[i].fd);
        std::erase(clients, polled[i].fd);
      }
    }
    for (const int client : clients) ::close(client);
  }

  void answer_datagram() {
    std::array<std::uint8_t, 4096> bytes{};
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const auto got =
        ::recvfrom(udp_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got <= 0) return;
    for (const std::string& message : answers_to({bytes.data(), static_cast<std::size_t>(got)}, false)) {
      ::sendto(udp_, message.data(), message.size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
    }
  }

  // False: the client has gone.
  bool answer_stream(int client) {
    std::array<std::uint8_t, 2> length{};
    std::array<std::uint8_t, 4096> bytes{};
    if (::recv(client, length.data(), 2, MSG_WAITALL) != 2) return false;
    const std::size_t size = load16(length.data());
    if (size > bytes.size()) return false;
    if (::recv(client, bytes.data(), size, MSG_WAITALL) != static_cast<ssize_t>(size)) return false;
    const int at_once = 1;
    ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    for (const std::string& message : answers_to({bytes.data(), size}, true)) {
      std::string framed;
      put16(framed, static_cast<std::uint32_t>(message.size()));
      framed += message;
      // In pieces, as networks do.
      for (std::size_t at = 0; at < framed.size(); at += 700) {
        const std::string piece = framed.substr(at, 700);
        if (::send(client, piece.data(), piece.size(), MSG_NOSIGNAL) < 0) return false;
      }
    }
    return true;
  }

  std::vector<std::string> answers_to(ByteView message, bool tcp) {
    DnsQuery query{.id = message.size() < 12 ? std::uint16_t{0} : load16(message.data()), .tcp = tcp};
    ByteReader reader(message.subspan(std::min<std::size_t>(12, message.size())));
    for (std::size_t size = reader.u8(); size > 0 && !reader.failed(); size = reader.u8()) {
      if (!query.name.empty()) query.name += '.';
      for (const std::uint8_t byte : reader.bytes(size)) query.name += static_cast<char>(std::tolower(byte));
    }
    query.type = reader.u16();
    return reader.failed() ? std::vector<std::string>{} : handler_(query);
  }

  Handler handler_;
  Address address_;
  int end_ = -1;
  int udp_ = -1;
  int tcp_ = -1;
  std::thread thread_;
};

// What a server knows, to be changed while it is asked. Names that it does not know do not exist.
class DnsZone {
 public:
  void set(const std::string& name, std::uint16_t type, std::vector<DnsRecord> records) {
    const std::lock_guard lock(mutex_);
    records_[{name, type}] = std::move(records);
  }
  void remove(const std::string& name) {
    const std::lock_guard lock(mutex_);
    std::erase_if(records_, [&name](const auto& entry) { return entry.first.first == name; });
  }
  // Until it is taken back with 0, all questions of this type (0: any) get it.
  void fail_with(std::uint16_t rcode, std::uint16_t type = 0) {
    const std::lock_guard lock(mutex_);
    rcode_ = rcode;
    failing_ = type;
  }

  std::vector<std::string> operator()(const DnsQuery& query) {
    const std::lock_guard lock(mutex_);
    if (rcode_ != 0 && (failing_ == 0 || failing_ == query.type)) return {query.answer({}, rcode_).bytes()};
    const auto found = records_.find({query.name, query.type});
    if (found != records_.end()) return {query.answer(found->second).bytes()};
    for (const auto& [key, records] : records_) {
      if (key.first == query.name) return {query.answer({}).bytes()};
    }
    return {query.answer({}, 3).bytes()};
  }

 private:
  std::mutex mutex_;
  std::map<std::pair<std::string, std::uint16_t>, std::vector<DnsRecord>> records_;
  std::uint16_t rcode_ = 0;
  std::uint16_t failing_ = 0;
};

}  // namespace roomgate::tests
