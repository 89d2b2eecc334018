// describe() of the gate's settings in parts, each a file that fits on a screen or three. For gate.cpp only.
#pragma once

#include "conf/gate.hpp"

namespace roomgate::conf {

// Where rooms go: [balance], [regions.NAME], [geo], [[pins]], [[bans]].
void describe_placement(Binder& b, Gate& gate);
// [[shards]], [[discover]], [dns], [health]; and what must hold across their keys.
void describe_shards(Binder& b, Gate& gate);
void check_shards(Binder& b, Gate& gate);
// [peers]; and what must hold across its keys.
void describe_peers(Binder& b, Gate& gate);
void check_peers(Binder& b, Gate& gate);
// [limits]
void describe_limits(Binder& b, Gate& gate);

}  // namespace roomgate::conf
