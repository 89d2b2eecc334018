// What a run's figures mean, in sentences: the verdict, then its reasons, the worst first. The table and the
// HTML report say the same. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "bench/roomload/report/summary.hpp"

namespace roomgate::bench::roomload::report {

enum class Grade { good, note, bad };

struct Finding {
  Grade grade = Grade::good;
  std::string text;
};

// One sentence: what happened.
Finding verdict(const Summary& summary);
std::vector<Finding> findings(const Summary& summary);

}  // namespace roomgate::bench::roomload::report
