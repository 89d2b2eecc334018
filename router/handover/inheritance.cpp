#include "router/handover/inheritance.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace roomgate::router::handover {
namespace {

constexpr std::size_t kMostWords = 100'000;  // of each kind

}  // namespace

Result<int, std::string> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty()) return fail(std::string("upgrade.socket is not set"));
  if (path.size() >= sizeof address.sun_path) return fail("path too long for a socket: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return fail(std::string("socket: ") + std::strerror(errno));
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    auto error = "no process answers on " + path + ": " + std::strerror(errno);
    ::close(descriptor);
    return fail(std::move(error));
  }
  const auto peer = peer_of(descriptor);
  if (!peer || peer->uid != ::geteuid()) {
    ::close(descriptor);
    return fail("the process on " + path + " is another user's");
  }
  return descriptor;
}

Result<std::unique_ptr<Inheritance>, std::string> Inheritance::receive(const std::string& socket,
                                                                       const std::string& gate,
                                                                       const InheritanceLimits& limits) {
  const auto deadline = Clock::now() + limits.patience;
  const auto connected = connect_to(socket);
  if (!connected) return fail(connected.error());
  std::unique_ptr<Inheritance> all(new Inheritance());
  all->connection_ = *connected;
  all->from_ = peer_of(*connected).value_or(PeerProcess{});
  std::string hello;
  append(Hello{.role = Hello::Role::successor, .gate = gate}, hello);
  // A socket that was just made has room for it.
  if (::send(*connected, hello.data(), hello.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(hello.size()))
    return fail(std::string("the process that serves does not listen"));
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return fail(std::string("the process that serves has not given everything in time"));
    pollfd waiting{*connected, POLLIN, 0};
    ::poll(&waiting, 1, static_cast<int>(left));
    const auto got = all->inlet_->receive(*connected);
    while (true) {
      auto message = all->inlet_->next();
      if (!message) return fail("the process that serves talks nonsense: " + std::string(message.error()));
      if (!*message) break;
      const auto complete = all->note(std::move(**message), limits);
      if (!complete) return fail(complete.error());
      if (*complete) return all;
    }
    if (got == Inlet::Got::end || got == Inlet::Got::broken)
      return fail(std::string("the process that serves has hung up"));
  }
}

// True: that was all.
Result<bool, std::string> Inheritance::note(Message message, const InheritanceLimits& limits) {
  if (auto* what = std::get_if<Descriptor>(&message)) {
    const int descriptor = inlet_->take_descriptor();
    if (descriptor < 0) return fail("the descriptor of " + what->address + " did not come");
    // Ours are watched edge-triggered.
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    passed_.push_back({std::move(*what), descriptor});
  } else if (auto* keys = std::get_if<TicketKeys>(&message)) {
    ticket_keys_ = std::move(keys->keys);
  } else if (auto* word = std::get_if<ShardWord>(&message)) {
    words_.push_back(std::move(*word));
  } else if (auto* drain = std::get_if<Drain>(&message)) {
    drains_.push_back(std::move(*drain));
  } else if (auto* found = std::get_if<Found>(&message)) {
    found_.push_back(std::move(*found));
  } else if (auto* ban = std::get_if<Ban>(&message)) {
    bans_.push_back(std::move(*ban));
  } else if (auto* table = std::get_if<Table>(&message)) {
    table_ += table->bytes;
  } else if (auto* refused = std::get_if<Refused>(&message)) {
    return fail("the process that serves refuses: " + refused->reason);
  }
  if (table_.size() > limits.table_bytes ||
      std::max({words_.size(), drains_.size(), found_.size(), bans_.size()}) > kMostWords)
    return fail(std::string("the process that serves gives too much"));
  return std::holds_alternative<Offered>(message);
}

Inheritance::~Inheritance() {
  (void)close_rest();
  if (connection_ >= 0) ::close(connection_);
}

std::vector<int> Inheritance::take(Descriptor::Kind kind, const std::string& address, std::uint32_t number) {
  std::vector<int> taken;
  std::erase_if(passed_, [&](const Passed& passed) {
    const bool wanted =
        passed.what.kind == kind && passed.what.address == address && passed.what.number == number;
    if (wanted) taken.push_back(passed.descriptor);
    return wanted;
  });
  return taken;
}

std::vector<std::string> Inheritance::close_rest() {
  std::vector<std::string> addresses;
  for (const Passed& passed : passed_) {
    ::close(passed.descriptor);
    if (std::find(addresses.begin(), addresses.end(), passed.what.address) == addresses.end())
      addresses.push_back(passed.what.address);
  }
  passed_.clear();
  return addresses;
}

void Inheritance::refuse(const std::string& reason) {
  if (connection_ < 0) return;
  std::string words;
  append(Refused{reason}, words);
  (void)::send(connection_, words.data(), words.size(), MSG_NOSIGNAL);
}

std::unique_ptr<Link> Inheritance::link(net::Core& core, Link::Listener listener) {
  return std::make_unique<Link>(core, std::exchange(connection_, -1), std::move(listener), std::move(inlet_));
}

}  // namespace roomgate::router::handover
