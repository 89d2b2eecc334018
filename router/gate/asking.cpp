#include "router/gate/asking.hpp"

namespace roomgate::router::gate {

net::Task<std::optional<session::Guide::Guidance>> Asking::ask(net::Core& core, route::Request request) {
  using Nothing = std::optional<Guidance>;
  if (!anybody_.load(std::memory_order_relaxed)) co_return Nothing();
  auto waiting = std::make_shared<Waiting>(core);
  const auto now = core.now();
  Question question{.ask = {.kind = static_cast<std::uint8_t>(request.path.kind),
                            .key = std::string(*request.key),
                            .region = std::string(request.region),
                            .shard = std::string(request.path.shard),
                            .query = std::string(request.query)},
                    .waiting = waiting,
                    .since = now};
  runtime_.control().post(
      [this, asked = std::make_shared<Question>(std::move(question))] { put(std::move(*asked)); });
  const bool told = co_await waiting->answered.wait(now + patience_);
  if (!told) co_return Nothing();
  co_return std::move(waiting->guidance);
}

void Asking::holds_changed(std::string_view key) {
  runtime_.control().post([this, key = std::string(key)] { holds_changed_(key); });
}

void Asking::put(Question question) {
  if (!anybody_.load(std::memory_order_relaxed) || questions_.size() >= Limits().questions)
    return settle(question, std::nullopt);
  question.ask.number = next_++;
  const auto& kept = questions_.emplace(question.ask.number, std::move(question)).first->second;
  if (send_) send_(kept.ask);
}

void Asking::settle(const Question& question, std::optional<Guidance> guidance) {
  question.waiting->core.post([waiting = question.waiting, guidance = std::move(guidance)] {
    waiting->guidance = guidance;
    waiting->answered.set();
  });
}

void Asking::send_by(std::function<void(const handover::Ask&)> send) {
  send_ = std::move(send);
  anybody_.store(true, std::memory_order_relaxed);
  if (!send_) return;
  for (const auto& [number, question] : questions_) send_(question.ask);
}

void Asking::give_up() {
  anybody_.store(false, std::memory_order_relaxed);
  send_ = {};
  for (const auto& [number, question] : questions_) settle(question, std::nullopt);
  questions_.clear();
}

void Asking::answer(const handover::Answer& answer) {
  const auto found = questions_.find(answer.number);
  if (found == questions_.end()) return;  // it came too late
  settle(found->second, Guidance{.refusal = static_cast<http::Reason>(answer.refusal),
                                 .shard = answer.shard,
                                 .why = static_cast<route::Why>(answer.why),
                                 .sticky = answer.sticky,
                                 .provisional = answer.provisional,
                                 .generation = answer.generation});
  questions_.erase(found);
}

void Asking::forget_late(TimePoint now) {
  std::erase_if(questions_,
                [this, now](const auto& each) { return now - each.second.since > 2 * patience_; });
}

}  // namespace roomgate::router::gate
