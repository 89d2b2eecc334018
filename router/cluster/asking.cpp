#include "router/cluster/asking.hpp"

namespace roomgate::router::cluster {

using net::Task;
using peers_sync::Outcome;
using peers_sync::Refusal;
using peers_sync::Replica;

namespace {

std::string_view to_text(Refusal refusal) {
  switch (refusal) {
    case Refusal::none: return "none";
    case Refusal::no_owner: return "no_owner";
    case Refusal::no_shard: return "no_shard";
    case Refusal::table_full: return "table_full";
    case Refusal::page_full: return "page_full";
    case Refusal::stay: return "stay";
  }
  return "none";
}

}  // namespace

Asking::Asking(net::Core& peers, stick::Table& table, Metrics& metrics, AskingLimits limits)
    : peers_(peers),
      table_(table),
      limits_(limits),
      created_(metrics.claims.with({"created"})),
      known_(metrics.claims.with({"known"})) {
  // Those that a claim can end with are there from the start, at zero.
  for (std::size_t i = 0; i < refused_.size(); ++i) {
    const auto refusal = static_cast<Refusal>(i);
    const bool of_claims = refusal != Refusal::none && refusal != Refusal::stay;
    refused_[i] = of_claims ? &metrics.claims.with({to_text(refusal)}) : nullptr;
  }
}

Task<Outcome> Asking::claim(net::Core& core, peers_sync::Claim claim) {
  std::string key = claim.key;
  Put put = [claim = std::move(claim)](Replica& replica, Replica::Done done) mutable {
    replica.claim(std::move(claim), std::move(done));
  };
  Outcome outcome = co_await ask(core, std::move(key), std::move(put));
  count(outcome);
  co_return outcome;
}

Task<Outcome> Asking::elsewhere(net::Core& core, peers_sync::Elsewhere question) {
  std::string key = question.key;
  Put put = [question = std::move(question)](Replica& replica, Replica::Done done) mutable {
    replica.elsewhere(std::move(question), std::move(done));
  };
  co_return co_await ask(core, std::move(key), std::move(put));
}

Task<Outcome> Asking::settle(net::Core& core, peers_sync::Settle settle) {
  std::string key = settle.key;
  Put put = [settle = std::move(settle)](Replica& replica, Replica::Done done) mutable {
    replica.settle(std::move(settle), std::move(done));
  };
  co_return co_await ask(core, std::move(key), std::move(put));
}

Task<Outcome> Asking::ask(net::Core& core, std::string key, Put put) {
  Outcome nobody;
  nobody.refusal = Refusal::no_owner;
  if (unseen_.fetch_add(1, std::memory_order_relaxed) >= limits_.unseen) {
    unseen_.fetch_sub(1, std::memory_order_relaxed);
    co_return nobody;
  }
  auto waiting = std::make_shared<Waiting>(core);
  peers_.post([this, waiting, key = std::move(key), put = std::move(put)]() mutable {
    unseen_.fetch_sub(1, std::memory_order_relaxed);
    if (waiting->given_up.load(std::memory_order_relaxed)) return;
    if (replica_ == nullptr) {
      Outcome refused;
      refused.refusal = Refusal::no_owner;
      return answer(waiting, key, refused);
    }
    put(*replica_,
        [this, waiting, key = std::move(key)](const Outcome& outcome) { answer(waiting, key, outcome); });
  });
  const Duration patience = Duration(claim_timeout_.load(std::memory_order_relaxed)) + limits_.margin;
  const bool told = co_await waiting->answered.wait(core.now() + patience);
  if (!told) {
    waiting->given_up.store(true, std::memory_order_relaxed);
    co_return nobody;
  }
  co_return std::move(waiting->outcome);
}

void Asking::answer(const std::shared_ptr<Waiting>& waiting, const std::string& key, const Outcome& outcome) {
  // From here on this gate uses the room (session::Arbiter). A candidate is where it is not yet.
  if (outcome.refusal == Refusal::none && !outcome.candidate) (void)table_.touch(key, peers_.now());
  waiting->core.post([waiting, outcome] {
    waiting->outcome = outcome;
    waiting->answered.set();
  });
}

void Asking::count(const Outcome& outcome) {
  if (outcome.refusal == Refusal::none) return (outcome.created ? created_ : known_).add();
  if (auto* counter = refused_[static_cast<std::size_t>(outcome.refusal)]) counter->add();
}

}  // namespace roomgate::router::cluster
