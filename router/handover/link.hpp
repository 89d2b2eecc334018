// The connection between two processes of one front door: messages both ways over a unix socket, descriptors
// with them (SCM_RIGHTS). What is sent is queued, within a bound; what comes is told to the listener. Owned
// by the gate, its control core.
#pragma once

#include <sys/types.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/net/core.hpp"
#include "router/handover/message.hpp"

namespace roomgate::router::handover {

// Whoever is at the other end of a unix socket.
struct PeerProcess {
  pid_t pid = 0;
  uid_t uid = 0;
};
std::optional<PeerProcess> peer_of(int descriptor);

// Bytes of a unix socket as messages, with the descriptors that came beside them.
class Inlet {
 public:
  Inlet() = default;
  ~Inlet();
  Inlet(const Inlet&) = delete;
  Inlet& operator=(const Inlet&) = delete;

  enum class Got { something, nothing, end, broken };
  // One look at the socket.
  Got receive(int descriptor);
  // What has come whole, in its order; the error is for the log.
  Result<std::optional<Message>, std::string_view> next();
  // That of a Descriptor message, in the order they were sent; -1: there is none. The caller's.
  int take_descriptor();

 private:
  static constexpr std::size_t kMostDescriptors = 8192;  // cores times listening addresses
  std::vector<std::uint8_t> bytes_;
  std::size_t begin_ = 0;
  std::deque<int> descriptors_;
};

class Link final : private net::Core::Watcher {
 public:
  struct Limits {
    std::size_t queued_bytes = 64 * 1024 * 1024;  // but for tables
  };
  struct Listener {
    std::function<void(Message)> on_message;
    // Once, and nothing after it: the other end is gone, or talks nonsense. Never from inside of a send().
    std::function<void(std::string_view why)> on_end;
  };

  // Takes the descriptor over: non-blocking, connected. `inlet` may hold what was read from it already.
  Link(net::Core& core, int descriptor, Listener listener, std::unique_ptr<Inlet> inlet);
  Link(net::Core& core, int descriptor, Listener listener)
      : Link(core, descriptor, std::move(listener), std::make_unique<Inlet>()) {}
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Of a Descriptor message that is being told; the caller's.
  int take_descriptor() { return inlet_->take_descriptor(); }
  // Begins to tell what comes.
  void start();
  void send(const Message& message) { queue(message, -1); }
  // The link has a copy of its own.
  void send_descriptor(const Descriptor& message, int descriptor);
  // A stick image, in pieces.
  void send_table(std::string image);
  // Nothing is told any more. May be called from what is being told, and so may the destructor.
  void close();
  bool open() const { return descriptor_ >= 0; }
  const PeerProcess& peer() const { return peer_; }

 private:
  struct Item {
    std::string bytes;
    int descriptor = -1;  // to go with its first byte
    bool table = false;
    std::size_t sent = 0;
  };

  void on_events(std::uint32_t events) override;
  void queue(const Message& message, int descriptor);
  void flush();
  void cut_piece();
  bool send_front();
  void read();
  void end(std::string_view why);
  void disconnect();

  net::Core& core_;
  int descriptor_;
  PeerProcess peer_;
  std::shared_ptr<const Listener> listener_;  // shared: it may destroy the link while it is called
  std::unique_ptr<Inlet> inlet_;
  std::deque<Item> queue_;
  std::size_t queued_ = 0;
  std::shared_ptr<bool> told_;  // false: nobody wants to hear of it any more
};

}  // namespace roomgate::router::handover
