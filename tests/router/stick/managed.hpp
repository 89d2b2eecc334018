// Limits of a table that a replica decides about.
#pragma once

#include "router/stick/table.hpp"

namespace roomgate::tests {

inline router::stick::Limits managed() {
  router::stick::Limits limits;
  limits.managed = true;
  return limits;
}

}  // namespace roomgate::tests
