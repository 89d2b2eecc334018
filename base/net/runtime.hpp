// The threads of a program: one Core each for the data; one more, the control core, for what must not wait
// behind data (signals, checks, the admin endpoint) and must not delay it; and, where it is asked for, the
// peers core, whose heartbeats and answers must wait behind neither. Owned by main.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/net/core.hpp"

namespace roomgate::net {

// The CPUs this process may use: affinity mask and cgroup quota, at least one.
std::size_t available_cpus();
// As many descriptors as the system lets us have; writes to gone peers are errors, not signals. Call once at
// start.
void prepare_process();

class Runtime {
 public:
  struct Options {
    std::size_t threads = 0;  // 0: available_cpus()
    bool pin = false;         // core i stays on the i-th CPU of the affinity mask
    bool peers = false;       // there is a peers core
  };

  explicit Runtime(const Options& options);
  ~Runtime();

  std::size_t size() const { return cores_.size(); }
  Core& core(std::size_t index) { return *cores_[index]; }
  Core& control() { return *control_; }
  Core& peers() { return *peers_; }  // where Options say so

  // Calls on_signal on the control core. SIGTERM, SIGINT, SIGHUP, SIGUSR2.
  void on_signal(std::function<void(int)> handler);
  // Runs until stop(); the caller's thread is the control core's. Coroutines that are left end with it.
  void run();
  // Any thread.
  void stop();

  // Runs `work` on every data core, then `done` on the control core. Any thread.
  void on_each(std::function<void(Core&)> work, std::function<void()> done = {});

 private:
  struct Signals;
  bool pin_;
  std::vector<std::unique_ptr<Core>> cores_;
  std::unique_ptr<Core> control_;
  std::unique_ptr<Core> peers_;  // null: none
  std::unique_ptr<Signals> signals_;
  std::vector<std::thread> threads_;
};

}  // namespace roomgate::net
