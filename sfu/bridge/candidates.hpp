// Which addresses a worker's port is offered under (shard.md 7): what it is bound to, or every address of the
// machine when it is bound to all, and what the operator advertises. Loopback only when given, or when
// nothing else exists.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "sfu/bridge/config.hpp"
#include "sfu/bridge/control/control.hpp"

namespace roomgate::sfu::bridge {

// Of all interfaces that are up; link-local ones left out.
std::vector<Address> interface_addresses();

// `worker` counts from 0, since advertised ports count up with it. Pure.
std::vector<Candidate> make_candidates(const Address& bound, std::size_t worker,
                                       std::span<const Address> interfaces,
                                       std::span<const Advertised> advertised, std::size_t limit);

}  // namespace roomgate::sfu::bridge
