// What must hold for every input; a fuzzer takes the abort for a finding.
#pragma once

#include <cstdlib>

inline void require(bool holds) {
  if (!holds) std::abort();
}
