#include "base/net/runtime.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <fstream>
#include <string>

namespace roomgate::net {
namespace {

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

// cgroup v2 "max 100000" or "150000 100000": microseconds of CPU per period. 0: no quota.
double cgroup_quota() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return 0;
  return std::atof(quota.c_str()) / period;
}

}  // namespace

std::size_t available_cpus() {
  const auto allowed = std::max<std::size_t>(1, allowed_cpus().size());
  const double quota = cgroup_quota();
  if (quota <= 0) return allowed;
  return std::clamp<std::size_t>(static_cast<std::size_t>(quota + 0.5), 1, allowed);
}

void prepare_process() {
  std::signal(SIGPIPE, SIG_IGN);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

struct Runtime::Signals {
  explicit Signals(Core& core) : set(core.context(), SIGTERM, SIGINT, SIGHUP) {}
  void wait() {
    set.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      handler(signal);
      wait();
    });
  }
  boost::asio::signal_set set;
  std::function<void(int)> handler;
};

Runtime::Runtime(const Options& options) : pin_(options.pin) {
  const std::size_t threads = options.threads == 0 ? available_cpus() : options.threads;
  for (std::size_t i = 0; i < threads; ++i) cores_.push_back(std::make_unique<Core>(i));
  control_ = std::make_unique<Core>(threads);
}

Runtime::~Runtime() = default;

void Runtime::on_signal(std::function<void(int)> handler) {
  signals_ = std::make_unique<Signals>(*control_);
  signals_->handler = std::move(handler);
  signals_->wait();
}

void Runtime::run() {
  const auto cpus = allowed_cpus();
  for (auto& core : cores_) {
    threads_.emplace_back([&core, pin = pin_, &cpus] {
      if (pin && !cpus.empty()) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpus[core->index() % cpus.size()], &set);
        ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
      }
      core->run();
    });
  }
  control_->run();
  for (auto& core : cores_) core->stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void Runtime::stop() { control_->stop(); }

void Runtime::on_each(std::function<void(Core&)> work, std::function<void()> done) {
  struct Round {
    std::function<void(Core&)> work;
    std::function<void()> done;
    std::atomic<std::size_t> left;
  };
  auto round = std::make_shared<Round>();
  round->work = std::move(work);
  round->done = std::move(done);
  round->left = cores_.size();
  for (auto& core : cores_) {
    boost::asio::post(core->context(), [this, round, &core = *core] {
      round->work(core);
      if (round->left.fetch_sub(1) == 1 && round->done) boost::asio::post(control_->context(), round->done);
    });
  }
}

}  // namespace roomgate::net
