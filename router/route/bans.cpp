#include "router/route/bans.hpp"

#include <algorithm>
#include <tuple>

#include "router/room/normalise.hpp"

namespace roomgate::router::route {
namespace {

bool before(const Ban& a, const Ban& b) { return std::tie(a.kind, a.text) < std::tie(b.kind, b.text); }
bool same_pattern(const Ban& a, const Ban& b) { return a.kind == b.kind && a.text == b.text; }

}  // namespace

Ban Bans::normalised(Ban ban) {
  ban.text = room::normalised_key(ban.text);
  return ban;
}

Bans::Bans(std::vector<Ban> bans) {
  for (Ban& ban : bans) ban = normalised(std::move(ban));
  std::stable_sort(bans.begin(), bans.end(), before);
  for (Ban& ban : bans) {
    if (!bans_.empty() && same_pattern(bans_.back(), ban)) {
      bans_.back() = std::move(ban);
    } else if (bans_.size() < kMost) {
      bans_.push_back(std::move(ban));
    }
  }
  for (Place place = 0; place < bans_.size(); ++place) {
    const Ban& ban = bans_[place];
    switch (ban.kind) {
      case Ban::Kind::room: rooms_.emplace(ban.text, place); break;
      case Ban::Kind::tenant: tenants_.emplace(ban.text, place); break;
      case Ban::Kind::prefix: {
        Place wider = prefixes_.empty() ? kNone : static_cast<Place>(prefixes_.size() - 1);
        while (wider != kNone && !ban.text.starts_with(bans_[prefixes_[wider]].text)) wider = wider_[wider];
        prefixes_.push_back(place);
        wider_.push_back(wider);
        break;
      }
    }
  }
}

const Ban* Bans::longest_prefix(std::string_view key) const {
  // The last that is not behind the key in the alphabet: what the key begins with is it, or what it begins
  // with itself.
  const auto after =
      std::upper_bound(prefixes_.begin(), prefixes_.end(), key,
                       [this](std::string_view wanted, Place place) { return wanted < bans_[place].text; });
  Place at = after == prefixes_.begin() ? kNone : static_cast<Place>(after - prefixes_.begin() - 1);
  while (at != kNone && !key.starts_with(bans_[prefixes_[at]].text)) at = wider_[at];
  return at == kNone ? nullptr : &bans_[prefixes_[at]];
}

const Ban* Bans::find(std::string_view key) const {
  if (bans_.empty()) return nullptr;
  if (const auto room = rooms_.find(key); room != rooms_.end()) return &bans_[room->second];
  if (const Ban* prefix = longest_prefix(key)) return prefix;
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return nullptr;
  const auto tenant = tenants_.find(key.substr(0, slash));
  return tenant == tenants_.end() ? nullptr : &bans_[tenant->second];
}

const Ban* Bans::find(Ban::Kind kind, std::string_view normal_text) const {
  const auto at = std::lower_bound(bans_.begin(), bans_.end(), std::tie(kind, normal_text),
                                   [](const Ban& ban, const auto& wanted) {
                                     return std::tuple(ban.kind, std::string_view(ban.text)) < wanted;
                                   });
  const bool found = at != bans_.end() && at->kind == kind && at->text == normal_text;
  return found ? &*at : nullptr;
}

}  // namespace roomgate::router::route
