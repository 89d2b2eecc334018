// What the gates know of rooms, as the HAProxy side needs it: a claim::Node behind it, or a test. The peers
// core.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace roomgate::peers_sync::haproxy {

class Feed {
 public:
  struct Change {
    std::string_view key;
    std::string_view shard;  // empty: released
    // This gate speaks for it towards HAProxies: it decided it, or owns it and who decided it is gone. One
    // gate of all does.
    bool ours = false;
    std::uint64_t position = 0;
  };
  // Those behind `position`, in order, of each key only the last. False from `visit` ends it.
  virtual void changed_since(std::uint64_t position,
                             const std::function<bool(const Change&)>& visit) const = 0;

  struct Known {
    std::string shard;
    bool ours = false;
    bool in_use = false;  // held by any gate
  };
  virtual std::optional<Known> find(std::string_view key) const = 0;
  // This gate has learned all there is: a HAProxy that learns from it need ask nobody else.
  virtual bool complete() const = 0;

 protected:
  ~Feed() = default;
};

}  // namespace roomgate::peers_sync::haproxy
