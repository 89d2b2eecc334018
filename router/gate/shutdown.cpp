// SIGTERM and SIGINT: told to whoever sends us traffic, then no new connections, then no connections.

#include <atomic>
#include <csignal>

#include "base/log.hpp"
#include "router/gate/gate.hpp"
#include "router/gate/notify.hpp"

namespace roomgate::router::gate {
namespace {

// Behind the grace: tunnels are told to close, each at a moment within the first of these; whatever is still
// there after the second is cut; and what has not noticed that after the third is left behind.
constexpr Duration kPartingWindow = seconds(1);
constexpr Duration kLastWords = seconds(2);
constexpr Duration kCutting = seconds(2);
constexpr Duration kLook = milliseconds(20);
constexpr Duration kLookLeaving = milliseconds(250);  // for hours

}  // namespace

void Gate::on_signal(int signal) {
  if (signal == SIGUSR2) return upgrade_->spawn();
  if (signal == SIGHUP) return reload();
  if (upgrade_->left()) return end_leaving(signal);
  upgrade_->call_off("this process is being stopped");
  if (signal == SIGINT || draining_) {
    // Asked twice, or by somebody at the keyboard: now.
    LOG(info, "stopping_now");
    end_at_ = Clock::now();
    at_once_ = true;
    draining_ = true;
    notify_supervisor("STOPPING=1");
    return stop_accepting();
  }
  begin_drain();
}

// We serve nobody any more who could be told: tunnels get their last grace.
void Gate::end_leaving(int signal) {
  const auto now = Clock::now();
  at_once_ = at_once_ || signal == SIGINT || draining_;
  end_at_ = at_once_ ? now : std::min(end_at_, now + options_.shutdown_grace);
  draining_ = true;
  upgrade_->end_old_processes();
  runtime_.on_each([this](net::Core& core) { workers_[core.index()]->drain(); },
                   [this] { wait_for_guests(); });
}

void Gate::leave(std::function<void()> left) {
  checker_->set_targets({});
  discoverer_->set_blocks({}, options_.dns);
  admin_->leave();
  accepting_ = false;
  end_at_ = Clock::now() + options_.upgrade_grace;
  runtime_.on_each(
      [this](net::Core& core) {
        doors_.leave(core);
        workers_[core.index()]->wind_down();
      },
      [this, left = std::move(left)] {
        left();
        wait_for_guests();
      });
  snapshot_.stop(Snapshot::Last::none);
}

void Gate::begin_drain() {
  draining_ = true;
  notify_supervisor("STOPPING=1");
  LOG(info, "draining", {"connections", admission_.inside()},
      {"delay_seconds", std::chrono::duration_cast<seconds>(options_.shutdown_delay).count()});
  // /ready and /about/health say so at once; whoever sends us traffic has the delay to notice.
  runtime_.on_each([this](net::Core& core) { workers_[core.index()]->leaving = true; });
  // So do the other front doors: they place our rooms, ours too, while we go on asking them.
  if (cluster_ != nullptr && !away_) cluster_->resign();
  runtime_.control().schedule(stop_accepting_, Clock::now() + options_.shutdown_delay);
}

void Gate::stop_accepting() {
  if (accepting_) {
    accepting_ = false;
    stop_accepting_.cancel();
    // Not before: until now we took requests, and asked the others about rooms.
    say_goodbye([] {});
    upgrade_->end_old_processes();
    end_at_ = std::min(end_at_, Clock::now() + options_.shutdown_grace);
    runtime_.on_each(
        [this](net::Core& core) {
          doors_.stop(core);
          workers_[core.index()]->drain();
        },
        [this] { wait_for_guests(); });
  } else {
    wait_for_guests();
  }
}

void Gate::wait_for_guests() {
  const auto now = Clock::now();
  if (admission_.inside() == 0) return finish();
  if (now >= end_at_ && !at_once_ && !parting_) {
    parting_ = true;
    LOG(info, "ending_tunnels", {"connections", admission_.inside()});
    runtime_.on_each([this](net::Core& core) { workers_[core.index()]->end_tunnels(kPartingWindow); });
  }
  const TimePoint cut_at = at_once_ ? end_at_ : end_at_ + kLastWords;
  if (now >= cut_at && !ended_) {
    ended_ = true;
    LOG(info, "ending_connections", {"connections", admission_.inside()});
    runtime_.on_each([this](net::Core& core) { workers_[core.index()]->end_all(); });
  }
  if (ended_ && now >= cut_at + kCutting) return finish();
  const bool hurry = draining_ || end_at_ - now < kLookLeaving;
  runtime_.control().schedule(watch_guests_, now + (hurry ? kLook : kLookLeaving));
}

void Gate::finish() {
  watch_guests_.cancel();
  say_goodbye([this] { end(); });
}

void Gate::say_goodbye(std::function<void()> said) {
  if (cluster_ == nullptr || away_ || goodbye_said_) return said();
  after_goodbye_ = std::move(said);
  if (std::exchange(goodbye_, true)) return;
  cluster_->leave([this] {
    goodbye_said_ = true;
    LOG(info, "peers_left", {"gate", options_.name});
    std::exchange(after_goodbye_, {})();
  });
}

void Gate::end() {
  if (std::exchange(ending_, true)) return;
  admin_->stop();
  upgrade_->stop();
  if (!upgrade_->left()) snapshot_.stop(Snapshot::Last::write);
  const auto buffers = std::make_shared<std::atomic<std::size_t>>(0);
  runtime_.on_each(
      [this, buffers](net::Core& core) {
        workers_[core.index()]->flush_log();
        buffers->fetch_add(core.buffers().borrowed(), std::memory_order_relaxed);
      },
      [this, buffers] {
        // Buffers that no connection holds are ones that somebody forgot to give back.
        LOG(info, "stopped", {"connections_left", admission_.inside()}, {"buffers_left", buffers->load()});
        runtime_.stop();
      });
}

}  // namespace roomgate::router::gate
