#include "bench/proxy/meter.hpp"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <sstream>

namespace roomgate::bench::proxy {

namespace {

double clock_of(clockid_t clock) {
  timespec now{};
  if (clock_gettime(clock, &now) != 0) return 0;
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double cpu_of(pid_t pid) {
  clockid_t clock{};
  return clock_getcpuclockid(pid, &clock) == 0 ? clock_of(clock) : 0;
}

double tick() { return 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK)); }

}  // namespace

std::vector<pid_t> parse_pids(const std::string& list) {
  std::vector<pid_t> pids;
  std::istringstream in{list};
  for (std::string pid; std::getline(in, pid, ',');) pids.push_back(std::stoi(pid));
  return pids;
}

Reading read_meter(const Processes& processes) {
  Reading now;
  for (const pid_t pid : processes.proxy) {
    std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
    std::string line;
    std::getline(file, line);
    std::istringstream fields{line.substr(std::min(line.size(), line.rfind(')') + 2))};
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    double user = 0, kernel = 0;
    fields >> user >> kernel;
    now.proxy_user += user * tick();
    now.proxy_kernel += kernel * tick();
  }
  std::ifstream stat{"/proc/stat"};
  std::string cpu;
  std::array<double, 8> t{};  // user nice system idle iowait irq softirq steal
  stat >> cpu;
  for (auto& value : t) stat >> value;
  now.machine = (t[0] + t[1] + t[2] + t[5] + t[6]) * tick();
  now.steal = t[7] * tick();
  for (const pid_t pid : processes.ours) now.ours += cpu_of(pid);
  now.ours += clock_of(CLOCK_PROCESS_CPUTIME_ID);
  now.seconds = clock_of(CLOCK_MONOTONIC);
  for (const pid_t pid : processes.proxy) now.proxy += cpu_of(pid);
  return now;
}

Reading operator-(const Reading& later, const Reading& earlier) {
  return {later.seconds - earlier.seconds,
          later.proxy - earlier.proxy,
          later.proxy_kernel - earlier.proxy_kernel,
          later.proxy_user - earlier.proxy_user,
          later.ours - earlier.ours,
          later.machine - earlier.machine,
          later.steal - earlier.steal};
}

}  // namespace roomgate::bench::proxy
