// A listening socket and its loop on one core. Owned by whoever serves it, used on its core's thread.
#pragma once

#include <functional>
#include <string>

#include "base/address.hpp"
#include "base/net/stream.hpp"

namespace roomgate::net {

// Listening descriptors for one address. Port 0: the system chooses, ask bound_address().
// reuse_port: several descriptors share one address (one per core), the kernel spreads connections over them.
Result<int, std::string> open_listener(const Address& address, bool reuse_port);
// The same in two steps: what is only bound shows that it can be had, and gets no connections yet.
Result<int, std::string> bind_listener(const Address& address, bool reuse_port);
Result<void, std::string> start_listening(int descriptor);
// Mode 0600. A left-over socket file of a process that is gone is replaced.
Result<int, std::string> open_unix_listener(const std::string& path);
std::optional<Address> bound_address(int descriptor);

class Acceptor {
 public:
  // The descriptor of a new connection (non-blocking) and where it comes from (0.0.0.0:0 for unix sockets).
  using OnAccept = std::function<void(int descriptor, const Address& from)>;

  Acceptor(Core& core, int descriptor, OnAccept on_accept);

  // Runs until stop(); the Acceptor must outlive it.
  void start();
  // Takes what the kernel has already accepted for us, then closes: nobody who was let in is refused.
  void stop();
  // Another process has the socket, and takes what waits there.
  void leave();
  int descriptor() { return socket_.native_handle(); }
  // Nothing of it runs any more: it may go.
  bool ended() const { return !running_; }

 private:
  Task<void> run();
  // False when out of descriptors or memory: wait a moment, the kernel keeps the rest.
  bool accept_batch(std::size_t limit);

  Stream socket_;
  OnAccept on_accept_;
  bool running_ = false;
  bool stopped_ = false;
  bool last_full_ = false;  // the last batch ended before the queue did
};

}  // namespace roomgate::net
