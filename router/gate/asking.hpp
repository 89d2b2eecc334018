// The way of a question from a core of an old process to the one that has taken over, and of its answer back.
// Cores ask; the rest is the control core's. Owned by the gate's Upgrade.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <unordered_map>

#include "base/net/runtime.hpp"
#include "base/net/sleep.hpp"
#include "router/handover/message.hpp"
#include "router/session/guide.hpp"

namespace roomgate::router::gate {

class Asking final : public session::Guide {
 public:
  struct Limits {
    std::size_t questions = 10'000;
  };

  // `holds_changed` is called on the control core.
  Asking(net::Runtime& runtime, std::function<void(std::string key)> holds_changed, Duration patience)
      : runtime_(runtime), holds_changed_(std::move(holds_changed)), patience_(patience) {}

  net::Task<std::optional<Guidance>> ask(net::Core& core, route::Request request) override;
  void holds_changed(std::string_view key) override;

  // --- The control core's.

  // Where questions go from now on; those without an answer yet are asked again. Empty: nowhere for the
  // moment, they wait.
  void send_by(std::function<void(const handover::Ask&)> send);
  // Nobody is there: each core decides at once.
  void give_up();
  void answer(const handover::Answer& answer);
  void forget_late(TimePoint now);

 private:
  // Read and waited for on its core.
  struct Waiting {
    explicit Waiting(net::Core& on) : core(on), answered(on) {}
    net::Core& core;
    net::Event answered;
    std::optional<Guidance> guidance;
  };
  struct Question {
    handover::Ask ask;
    std::shared_ptr<Waiting> waiting;
    TimePoint since;
  };
  void put(Question question);
  static void settle(const Question& question, std::optional<Guidance> guidance);

  net::Runtime& runtime_;
  std::function<void(std::string)> holds_changed_;
  Duration patience_;
  std::atomic<bool> anybody_{true};
  std::function<void(const handover::Ask&)> send_;
  std::uint64_t next_ = 1;
  std::unordered_map<std::uint64_t, Question> questions_;
};

}  // namespace roomgate::router::gate
