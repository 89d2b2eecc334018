// What the doors have beside their sockets: certificates, ticket keys, whom they trust. Made anew for every
// core when files or settings change.

#include <ctime>

#include "base/log.hpp"
#include "router/gate/gate.hpp"

namespace roomgate::router::gate {

Result<std::shared_ptr<const listen::Entrance>, std::string> Gate::make_entrance(
    const std::vector<Door>& doors, std::size_t which, const Credentials::Door& credentials) const {
  const ListenBlock& block = doors[which].block;
  auto entrance = std::make_shared<listen::Entrance>();
  entrance->proxy_protocol_from = block.proxy_protocol_from;
  entrance->trust_forwarded_from = block.trust_forwarded_from;
  entrance->redirect_to_https = block.redirect_to_https;
  entrance->http2_cleartext = block.http2_cleartext;
  for (const Door& door : doors) {
    if (!door.block.tls.certificates.empty()) {
      entrance->https_port = door.port;
      break;
    }
  }
  if (credentials.certificates != nullptr) {
    auto made = tls::Contexts::make(credentials.certificates,
                                    credentials.ticket_keys != nullptr ? credentials.ticket_keys : tickets_);
    if (!made) return fail("tls.certificates: " + made.error());
    entrance->contexts = std::move(made).value();
  }
  return std::shared_ptr<const listen::Entrance>(std::move(entrance));
}

Result<Gate::Entrances, std::string> Gate::make_entrances(const std::vector<Door>& doors,
                                                          const Credentials& credentials) const {
  Entrances entrances(runtime_.size());
  for (auto& of_core : entrances) {
    for (std::size_t d = 0; d < doors.size(); ++d) {
      auto entrance = make_entrance(doors, d, credentials.doors[d]);
      if (!entrance) return fail(entrance.error());
      of_core.push_back(std::move(entrance).value());
    }
  }
  return entrances;
}

void Gate::adopt(Credentials credentials) {
  for (const auto& warning : credentials.warnings) LOG(warn, "tls_file", {"about", warning});
  metrics_.certificate_expiry.clear();
  metrics_.ocsp_expiry.clear();
  for (const auto& door : credentials.doors) {
    if (door.certificates == nullptr) continue;
    for (const auto& group : door.certificates->groups()) {
      for (const auto& identity : group.identities) {
        metrics_.certificate_expiry.with({identity.file}).set(static_cast<double>(identity.not_after));
        if (identity.staple) {
          metrics_.ocsp_expiry.with({identity.file}).set(static_cast<double>(identity.staple->until));
        }
      }
    }
  }
  files_.taken(credentials.fingerprint);
  credentials_ = std::move(credentials);
}

void Gate::rotate_tickets() {
  tickets_rotated_ = Clock::now();
  tickets_ = std::make_shared<const tls::TicketKeys>(tickets_->rotated());
  std::vector<bool> own;  // by door
  for (const auto& door : credentials_.doors) own.push_back(door.ticket_keys == nullptr);
  doors_.each([keys = tickets_, own](std::size_t door, listen::Listener& listener) {
    const auto& contexts = listener.entrance().contexts;
    if (contexts != nullptr && own[door]) contexts->set_ticket_keys(keys);
  });
}

void Gate::watch_credentials(TimePoint now) {
  if (now < next_look_) return;
  const auto seen = tls::fingerprint(credential_files(options_.listen, directory_.reachable()));
  // Thousands of files take a while to look at: never more than a hundredth of this core's time.
  next_look_ = now + (Clock::now() - now) * 100;
  if (!files_.observe(seen)) return;
  const auto renewed = renew_credentials();
  metrics_.certificate_reloads.with({renewed ? "ok" : "refused"}).add();
  if (renewed) {
    LOG(info, "tls_files_read", {"because", "one has changed"});
  } else {
    LOG(error, "tls_files_refused", {"error", renewed.error()}, {"in_use", "the old ones stay"});
  }
}

Result<void, std::string> Gate::renew_credentials() {
  auto credentials =
      read_credentials(options_.listen, directory_.reachable(), credentials_, std::time(nullptr));
  if (!credentials) return fail(credentials.error());
  auto entrances = make_entrances(doors_.all(), *credentials);
  if (!entrances) return fail(entrances.error());
  const bool other_ways = credentials->shards != credentials_.shards;
  adopt(std::move(credentials).value());
  doors_.set_entrances(std::move(entrances).value());
  if (other_ways) {
    publish_shards();
    checker_->set_targets(targets());
  }
  return {};
}

}  // namespace roomgate::router::gate
