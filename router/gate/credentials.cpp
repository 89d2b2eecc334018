#include "router/gate/credentials.hpp"

#include <algorithm>

namespace roomgate::router::gate {
namespace {

Result<std::shared_ptr<const tls::TicketKeys>, std::string> read_ticket_keys(const std::string& file) {
  if (file.empty()) return std::shared_ptr<const tls::TicketKeys>();
  const auto text = tls::read_file(file);
  if (!text) return fail("tls.ticket_keys: " + text.error());
  auto keys = tls::TicketKeys::parse(*text);
  if (!keys) return fail("tls.ticket_keys: " + file + ": " + keys.error());
  return std::make_shared<const tls::TicketKeys>(std::move(keys).value());
}

Result<Credentials::Door, std::string> read_door(const tls::Options& options, std::int64_t now,
                                                 std::vector<std::string>& warnings) {
  Credentials::Door door;
  if (options.certificates.empty()) return door;
  auto loaded = tls::load_identities(options.certificates, now);
  if (!loaded) return fail("tls.certificates: " + loaded.error());
  warnings.insert(warnings.end(), loaded->warnings.begin(), loaded->warnings.end());
  std::optional<tls::ClientAuthorities> authorities;
  if (!options.client_ca.empty()) {
    auto read =
        tls::load_client_authorities(options.client_ca, options.client_verify == "required", now, warnings);
    if (!read) return fail("tls.client_ca: " + read.error());
    authorities = std::move(read).value();
  }
  auto made = tls::Certificates::make(options, std::move(loaded->all), std::move(authorities), now, warnings);
  if (!made) return fail("tls.certificates: " + made.error());
  door.certificates = std::move(made).value();
  auto keys = read_ticket_keys(options.ticket_keys);
  if (!keys) return fail(keys.error());
  door.ticket_keys = std::move(keys).value();
  return door;
}

}  // namespace

std::vector<std::string> credential_files(const std::vector<ListenBlock>& doors,
                                          const std::vector<ShardBlock>& shards) {
  std::vector<std::string> files;
  const auto add = [&files](const std::string& file) {
    if (!file.empty()) files.push_back(file);
  };
  for (const ListenBlock& door : doors) {
    if (door.tls.certificates.empty()) continue;
    for (const auto& path : door.tls.certificates) add(path);
    add(door.tls.client_ca);
    add(door.tls.ticket_keys);
  }
  for (const ShardBlock& shard : shards) {
    if (shard.kind.tls && shard.kind.tls->verify) add(shard.kind.tls->ca);
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

Result<void, std::string> read_shard_tls(const std::vector<ShardBlock>& shards, const Credentials& before,
                                         Credentials& out) {
  std::map<std::string, std::shared_ptr<X509_STORE>> stores;  // by file
  for (const ShardBlock& shard : shards) {
    if (!shard.kind.tls) continue;
    tls::ClientOptions wanted = *shard.kind.tls;
    wanted.address = shard.address;
    const std::string& file = wanted.ca;
    if (wanted.verify && !stores.contains(file)) {
      out.authority_files[file] = file.empty() ? 0 : tls::fingerprint({file});
      auto store = tls::load_authorities(file);
      if (!store) return fail("shards." + shard.name + ".tls_ca: " + store.error());
      stores[file] = std::move(store).value();
    }
    const auto known = before.shards.find(shard.name);
    const auto looked = before.authority_files.find(file);
    const bool same_file = !wanted.verify || (looked != before.authority_files.end() &&
                                              looked->second == out.authority_files[file]);
    if (known != before.shards.end() && known->second->options() == wanted && same_file) {
      out.shards[shard.name] = known->second;
      continue;
    }
    auto made = tls::ClientContext::make(wanted, stores[file]);
    if (!made) return fail("shards." + shard.name + ".tls: " + made.error());
    out.shards[shard.name] = std::move(made).value();
  }
  return {};
}

Result<Credentials, std::string> read_credentials(const std::vector<ListenBlock>& doors,
                                                  const std::vector<ShardBlock>& shards,
                                                  const Credentials& before, std::int64_t now) {
  Credentials out;
  // First: a change while we read is then seen by the next look.
  out.fingerprint = tls::fingerprint(credential_files(doors, shards));
  for (const ListenBlock& block : doors) {
    auto door = read_door(block.tls, now, out.warnings);
    if (!door) return fail(door.error());
    out.doors.push_back(std::move(door).value());
  }
  if (auto read = read_shard_tls(shards, before, out); !read) return fail(read.error());
  return out;
}

}  // namespace roomgate::router::gate
