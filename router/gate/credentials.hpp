// What the doors and the ways to the shards need from files: certificates, ticket keys, authorities. Read as
// a whole at start, at SIGHUP, and when one of the files has changed; what could fail fails here, before
// anything is put to use. Control core.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "router/gate/options.hpp"
#include "router/tls/client_context.hpp"
#include "router/tls/contexts.hpp"

namespace roomgate::router::gate {

struct Credentials {
  struct Door {
    std::shared_ptr<const tls::Certificates> certificates;  // null: plain
    std::shared_ptr<const tls::TicketKeys> ticket_keys;     // of its file; null: the gate's own
  };
  std::vector<Door> doors;  // by [[listen]] block
  // By name; absent: plain. Those whose settings and authorities stay the same are kept by a reload, with the
  // sessions they would resume.
  std::map<std::string, std::shared_ptr<const tls::ClientContext>> shards;
  std::map<std::string, std::uint64_t> authority_files;  // of shards: what each looked like
  std::vector<std::string> warnings;
  std::uint64_t fingerprint = 0;  // of all files, just before they were read
};

// Every file and folder that these settings name, each once.
std::vector<std::string> credential_files(const std::vector<ListenBlock>& doors,
                                          const std::vector<ShardBlock>& shards);

// `before`: what is in use now. The error names the setting and the file.
Result<Credentials, std::string> read_credentials(const std::vector<ListenBlock>& doors,
                                                  const std::vector<ShardBlock>& shards,
                                                  const Credentials& before, std::int64_t now);

// The part of it that is about shards, into `out`: for those that DNS brings.
Result<void, std::string> read_shard_tls(const std::vector<ShardBlock>& shards, const Credentials& before,
                                         Credentials& out);

}  // namespace roomgate::router::gate
