#include "peers-sync/redis/members.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace roomgate::peers_sync::redis {

namespace {

Result<std::shared_ptr<const mesh::TlsContext>, std::string> tls_of(const mesh::PeersOptions& options) {
  if (!options.tls) return std::shared_ptr<const mesh::TlsContext>();
  return mesh::TlsContext::load(*options.tls, options.name);
}

}  // namespace

bool Members::wanted(const mesh::PeersOptions& options) {
  return !own_address(options).empty() || !options.members.empty() || !options.discover_srv.empty();
}

std::string Members::own_address(const mesh::PeersOptions& options) {
  return options.address.is_unspecified() ? std::string() : options.address.to_string();
}

Result<std::unique_ptr<Members>, std::string> Members::make(net::Core& core,
                                                            const mesh::PeersOptions& options, Redis& redis) {
  auto tls = tls_of(options);
  if (!tls) return fail(tls.error());
  return std::unique_ptr<Members>(new Members(core, options, std::move(*tls), redis));
}

Members::Members(net::Core& core, const mesh::PeersOptions& options, Context tls, Redis& redis)
    : core_(core),
      options_(options),
      tls_(std::move(tls)),
      redis_(redis),
      mesh_(core, mesh_options(), no_tables_, *this) {}

Members::~Members() {
  for (const auto& [id, question] : questions_) question->waiter.wake({});
}

mesh::Mesh::Options Members::mesh_options() const {
  // Settings first: what an operator says of a name counts more than what is said in Redis.
  auto members = options_.members;
  members.insert(members.end(), known_.begin(), known_.end());
  return {.name = options_.name,
          .life = options_.life,
          .address = options_.address,
          .members = std::move(members),
          .discover_srv = options_.discover_srv,
          .dns = options_.dns,
          .allow = options_.allow,
          .tls = tls_,
          .limits = options_.limits};
}

Result<void, std::string> Members::start() { return mesh_.start(); }

Result<void, std::string> Members::set_options(const mesh::PeersOptions& options) {
  auto tls = tls_of(options);
  if (!tls) return fail(tls.error());
  const auto before = std::exchange(options_, options);
  options_.name = before.name;
  options_.life = before.life;
  options_.limits = before.limits;
  const auto tls_before = std::exchange(tls_, std::move(*tls));
  auto set = mesh_.set_options(mesh_options());
  if (set) return set;
  options_ = before;
  tls_ = tls_before;
  return set;
}

void Members::set_known(std::vector<mesh::Member> known) {
  if (known == known_) return;
  known_ = std::move(known);
  // The address stays, so there is nothing that could fail.
  (void)mesh_.set_options(mesh_options());
}

void Members::stop() { mesh_.stop(); }

bool Members::packet(const std::string& gate, std::uint8_t type, ByteView body) {
  if (relay_.packet(gate, type, body, core_.now())) return true;
  if (type < kFirstRelayPacket) {
    LOG(warn, "peer_has_another_mode", {"peer", gate}, {"why", "its peers.mode is not redis"});
  }
  return false;
}

std::shared_ptr<Members::Question> Members::ask(const Proposal& proposal) {
  const auto id = relay_.ask(proposal, core_.now());
  if (!id) return nullptr;
  auto question = std::make_shared<Question>(core_);
  question->id = *id;
  questions_.emplace(*id, question);
  return question;
}

void Members::give_up(const Question& question) {
  relay_.give_up(question.id, core_.now());
  questions_.erase(question.id);
}

void Members::answered(std::uint64_t ask, Claimed claimed) {
  auto found = questions_.extract(ask);
  if (found.empty()) return;
  found.mapped()->claimed = std::move(claimed);
  found.mapped()->waiter.wake({});
}

bool Members::named_in_settings(std::string_view member) const {
  return std::any_of(options_.members.begin(), options_.members.end(),
                     [member](const mesh::Member& each) { return each.name == member; });
}

std::vector<PeerRow> Members::rows() const {
  auto rows = mesh_.rows(core_.now());
  for (PeerRow& row : rows) {
    if (const auto has = relay_.has_redis(row.name)) row.state = *has ? "member" : "cut off";
  }
  return rows;
}

}  // namespace roomgate::peers_sync::redis
