// Who is told of which sources: the difference between what a participant was told of an owner and what is
// true now. Nothing goes to somebody before its session-accept was answered, nobody is told of its own
// sources, and whoever lets the bridge own the SSRCs is told of none.
#include <algorithm>

#include "sfu/focus/conference.hpp"
#include "sfu/focus/jingle_offer.hpp"

namespace roomgate::sfu::focus {
namespace {

// Those of `list` that are not in `other`; either may be null.
AnnouncedList without(const ConferenceSources::Snapshot& list, const ConferenceSources::Snapshot& other) {
  AnnouncedList out;
  if (list == nullptr) return out;
  for (const Announced& source : *list) {
    if (other == nullptr || std::find(other->begin(), other->end(), source) == other->end())
      out.push_back(source);
  }
  return out;
}

}  // namespace

Duration Conference::batch_delay() const {
  if (participants_.size() >= limits_.large_batch_members) return limits_.large_batch_delay;
  if (participants_.size() >= limits_.batch_members) return limits_.batch_delay;
  return Duration::zero();
}

void Conference::sources_changed(const std::string& owner, TimePoint now) {
  for (auto& [nick, who] : participants_) {
    if (nick != owner && who.has_session() && !who.rewriting) who.changed.insert(owner);
  }
  const Duration delay = batch_delay();
  if (delay == Duration::zero()) return flush_all();
  if (!flush_at_) flush_at_ = now + delay;
}

void Conference::flush_all() {
  flush_at_.reset();
  for (auto& [nick, who] : participants_) flush(who);
}

void Conference::flush(Participant& who) {
  if (who.phase != Phase::accepted || who.changed.empty()) return;
  AnnouncedByOwner removed;
  AnnouncedByOwner added;
  for (const std::string& owner : who.changed) {
    const auto known = who.told.find(owner);
    const ConferenceSources::Snapshot before = known == who.told.end() ? nullptr : known->second;
    const ConferenceSources::Snapshot after = sources_.announced(owner);
    if (AnnouncedList list = without(before, after); !list.empty()) removed.emplace(owner, std::move(list));
    if (AnnouncedList list = without(after, before); !list.empty()) added.emplace(owner, std::move(list));
    if (after == nullptr) {
      who.told.erase(owner);
    } else {
      who.told[owner] = after;
    }
  }
  who.changed.clear();
  const SourceEncoding encoding = context_.config.encoding;
  // Removals first: a name may have come back with other SSRCs.
  if (!removed.empty()) {
    context_.rooms.send_focus_iq(
        room_, who.info.nick, focus::source_change(SourceAction::remove, who.sid, room_, removed, encoding));
  }
  if (!added.empty()) {
    context_.rooms.send_focus_iq(room_, who.info.nick,
                                 focus::source_change(SourceAction::add, who.sid, room_, added, encoding));
  }
}

}  // namespace roomgate::sfu::focus
