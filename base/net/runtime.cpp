#include "base/net/runtime.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <fstream>
#include <string>

namespace roomgate::net {
namespace {

constexpr std::array kSignals = {SIGTERM, SIGINT, SIGHUP, SIGUSR2};

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

// The handler may run on any thread, in the middle of anything: it writes one byte, the control core reads
// it.
struct Runtime::Signals final : Core::Watcher {
  explicit Signals(Core& on) : core(on) {
    if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) return;
    write_end = ends[1];
    core.watch(ends[0], *this);
    struct sigaction action {};
    action.sa_handler = &Signals::note;
    action.sa_flags = SA_RESTART;
    for (const int signal : kSignals) ::sigaction(signal, &action, nullptr);
  }
  ~Signals() {
    // Who ends us while we are ending already must not turn that into a death by signal.
    for (const int signal : kSignals) std::signal(signal, SIG_IGN);
    write_end = -1;
    core.unwatch(ends[0]);
    for (const int end : ends) ::close(end);
  }
  static void note(int signal) {
    const int saved = errno;
    const auto byte = static_cast<char>(signal);
    [[maybe_unused]] const auto written = ::write(write_end, &byte, 1);
    errno = saved;
  }
  void on_events(std::uint32_t) override {
    char signal = 0;
    while (::read(ends[0], &signal, 1) == 1) handler(signal);
  }

  static inline std::atomic<int> write_end{-1};
  Core& core;
  std::array<int, 2> ends{-1, -1};
  std::function<void(int)> handler;
};

Runtime::Runtime(const Options& options) : pin_(options.pin) {
  const std::size_t threads = options.threads == 0 ? available_cpus() : options.threads;
  for (std::size_t i = 0; i < threads; ++i) cores_.push_back(std::make_unique<Core>(i));
  control_ = std::make_unique<Core>(threads);
  if (options.peers) peers_ = std::make_unique<Core>(threads + 1);
}

Runtime::~Runtime() = default;

void Runtime::on_signal(std::function<void(int)> handler) {
  signals_ = std::make_unique<Signals>(*control_);
  signals_->handler = std::move(handler);
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
  if (peers_ != nullptr) {
    threads_.emplace_back([this] {
      ::pthread_setname_np(::pthread_self(), "peers");
      peers_->run();
    });
  }
  control_->run();
  for (auto& core : cores_) core->stop();
  if (peers_ != nullptr) peers_->stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  for (auto& core : cores_) core->end_coroutines();
  if (peers_ != nullptr) peers_->end_coroutines();
  control_->end_coroutines();
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
    core->post([this, round, &core = *core] {
      round->work(core);
      if (round->left.fetch_sub(1) == 1 && round->done) control_->post(round->done);
    });
  }
}

}  // namespace roomgate::net
