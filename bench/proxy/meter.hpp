// The CPU that processes used, read from outside: what the benchmark is about. A process's CPU clock counts
// all its threads, user and system, and is exact at the moment it is read (no 10 ms ticks).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace roomgate::bench::proxy {

struct Processes {
  std::vector<pid_t> proxy;  // what is measured
  std::vector<pid_t> ours;   // back-ends; this process is added by itself
};

std::vector<pid_t> parse_pids(const std::string& list);  // "12,13"

struct Reading {
  double seconds = 0;       // of the wall clock
  double proxy = 0;         // CPU seconds
  double proxy_kernel = 0;  // the part of it in the kernel, in ticks of 10 ms
  double proxy_user = 0;
  double ours = 0;
  double machine = 0;  // all CPUs, busy
  double steal = 0;    // taken by the host
};

Reading read_meter(const Processes& processes);
Reading operator-(const Reading& later, const Reading& earlier);

}  // namespace roomgate::bench::proxy
