#include "sfu/xmpp/stream_management.hpp"

#include <utility>

namespace roomgate::sfu::xmpp {
namespace {

constexpr std::size_t kBurst = 5;  // unacknowledged stanzas that are worth an <r/> without waiting

}  // namespace

void StreamManagement::enable(std::string id) {
  enabled_ = true;
  id_ = std::move(id);
}

bool StreamManagement::keep(const std::string& stanza, const StreamManagementLimits& limits) {
  if (!enabled_) return true;
  if (unacked_.size() >= limits.stanzas || bytes_ + stanza.size() > limits.bytes) return false;
  bytes_ += stanza.size();
  unacked_.push_back(stanza);
  return true;
}

bool StreamManagement::acknowledge(std::uint32_t h) {
  const std::uint32_t count = h - acknowledged_;
  if (count > unacked_.size()) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    bytes_ -= unacked_.front().size();
    unacked_.pop_front();
  }
  acknowledged_ = h;
  asked_ = false;
  return true;
}

bool StreamManagement::should_ask(bool idle) const {
  return enabled_ && !asked_ && !unacked_.empty() && (idle || unacked_.size() >= kBurst);
}

}  // namespace roomgate::sfu::xmpp
