// XEP-0198 for one session: what was received, and what was sent and not yet acknowledged. Owned by its
// Session; signalling thread. Counters are modulo 2^32 and start at <enabled/>.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>

namespace roomgate::sfu::xmpp {

struct StreamManagementLimits {
  std::size_t stanzas = 5000;
  std::size_t bytes = 8 * 1024 * 1024;
};

class StreamManagement {
 public:
  // `id`: the bearer secret of <resume previd=/>; empty when the client asked for no resumption.
  void enable(std::string id);
  bool enabled() const { return enabled_; }
  bool resumable() const { return enabled_ && !id_.empty(); }
  const std::string& id() const { return id_; }

  void count_received() { handled_ += enabled_ ? 1 : 0; }
  std::uint32_t handled() const { return handled_; }

  // False: the queue is full, and what the client missed could not be sent again.
  [[nodiscard]] bool keep(const std::string& stanza, const StreamManagementLimits& limits);

  std::uint32_t sent() const { return acknowledged_ + static_cast<std::uint32_t>(unacked_.size()); }
  // False: more than was sent, or less than was acknowledged before; nothing changes then.
  [[nodiscard]] bool acknowledge(std::uint32_t h);
  const std::list<std::string>& unacked() const { return unacked_; }

  // Whether to send <r/> now: the client never acknowledges by itself. After a burst at once, else when
  // `idle`.
  bool should_ask(bool idle) const;
  void asked() { asked_ = true; }
  // The answer to an <r/> may have died with the old socket.
  void resumed() { asked_ = false; }

 private:
  bool enabled_ = false;
  bool asked_ = false;
  std::string id_;
  std::uint32_t handled_ = 0;
  std::uint32_t acknowledged_ = 0;
  std::list<std::string> unacked_;  // not a deque, which takes half a kilobyte while it is empty
  std::size_t bytes_ = 0;
};

}  // namespace roomgate::sfu::xmpp
