#include "router/gate/doors.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/log.hpp"

namespace roomgate::router::gate {

Doors::Plan::~Plan() {
  for (const int descriptor : owned_) ::close(descriptor);
}

Result<void, std::string> Doors::Plan::listen() {
  for (const int descriptor : bound_) {
    if (auto done = net::start_listening(descriptor); !done) return done;
  }
  bound_.clear();
  return {};
}

Result<Doors::Plan, std::string> Doors::plan(const std::vector<ListenBlock>& blocks,
                                             handover::Inheritance* inherited) {
  Plan plan;
  std::map<std::string, std::uint32_t> numbers;
  for (const ListenBlock& block : blocks) {
    const std::uint32_t number = numbers[block.address]++;
    const auto kept = std::find_if(doors_.begin(), doors_.end(), [&](const Door& door) {
      return door.block.address == block.address && door.number == number;
    });
    if (kept != doors_.end()) {
      plan.doors_.push_back(*kept);
      plan.doors_.back().block = block;
      continue;
    }
    Door door{.id = next_id_++, .block = block, .number = number};
    if (inherited != nullptr) {
      door.descriptors = inherited->take(handover::Descriptor::Kind::door, block.address, number);
      plan.owned_.insert(plan.owned_.end(), door.descriptors.begin(), door.descriptors.end());
    }
    Address address = *Address::parse(block.address);
    // Port 0: the first socket has got one from the system, the others share it.
    if (!door.descriptors.empty()) address = net::bound_address(door.descriptors.front()).value_or(address);
    while (door.descriptors.size() < runtime_.size()) {
      const auto descriptor = net::bind_listener(address, true);
      if (!descriptor) return fail(descriptor.error());
      plan.owned_.push_back(*descriptor);
      plan.bound_.push_back(*descriptor);
      door.descriptors.push_back(*descriptor);
      address = net::bound_address(*descriptor).value_or(address);
    }
    door.port = address.port();
    plan.fresh_.push_back(door.id);
    plan.doors_.push_back(std::move(door));
  }
  return plan;
}

void Doors::commit(Plan plan, Entrances entrances) {
  for (const Door& door : plan.doors_) {
    if (std::find(plan.fresh_.begin(), plan.fresh_.end(), door.id) == plan.fresh_.end()) continue;
    const auto address = net::bound_address(door.descriptors.front());
    LOG(info, "listening", {"address", address ? address->to_string() : door.block.address},
        {"for", door.block.tls.certificates.empty() ? "http" : "https"});
  }
  for (const Door& door : doors_) {
    const bool stays = std::any_of(plan.doors_.begin(), plan.doors_.end(),
                                   [&door](const Door& next) { return next.id == door.id; });
    if (!stays) LOG(info, "listening_no_more", {"address", door.block.address});
  }
  doors_ = std::move(plan.doors_);
  bound_ = std::move(plan.bound_);
  plan.owned_.clear();  // the listeners'
  sides_.resize(runtime_.size());
  runtime_.on_each([this, doors = doors_, all = std::make_shared<Entrances>(std::move(entrances))](
                       net::Core& core) { rearrange(core, doors, std::move((*all)[core.index()])); });
}

void Doors::rearrange(net::Core& core, const std::vector<Door>& doors,
                      std::vector<std::shared_ptr<const listen::Entrance>> entrances) {
  Side& side = sides_[core.index()];
  std::erase_if(side.stopped, [](const auto& listener) { return listener->ended(); });
  std::vector<Served> next;
  for (std::size_t d = 0; d < doors.size(); ++d) {
    const Door& door = doors[d];
    const auto kept = std::find_if(side.doors.begin(), side.doors.end(),
                                   [&door](const Served& served) { return served.id == door.id; });
    if (kept != side.doors.end()) {
      for (auto& listener : kept->listeners) listener->set_entrance(entrances[d]);
      next.push_back(std::move(*kept));
      side.doors.erase(kept);
      continue;
    }
    Served served{.id = door.id, .listeners = {}};
    for (std::size_t i = core.index(); i < door.descriptors.size(); i += runtime_.size()) {
      served.listeners.push_back(make_(core, door.descriptors[i], entrances[d]));
      if (side.started) served.listeners.back()->start();
    }
    next.push_back(std::move(served));
  }
  for (Served& gone : side.doors) {
    for (auto& listener : gone.listeners) {
      listener->stop();
      side.stopped.push_back(std::move(listener));
    }
  }
  side.doors = std::move(next);
}

void Doors::start(std::function<void()> done) {
  for (const int descriptor : bound_) {
    // Of a door that others of its sockets keep open.
    if (const auto listening = net::start_listening(descriptor); !listening) {
      LOG(error, "listen_failed", {"error", listening.error()});
    }
  }
  bound_.clear();
  runtime_.on_each(
      [this](net::Core& core) {
        Side& side = sides_[core.index()];
        side.started = true;
        for (auto& door : side.doors) {
          for (auto& listener : door.listeners) listener->start();
        }
      },
      std::move(done));
}

void Doors::set_entrances(Entrances entrances) {
  runtime_.on_each([this, all = std::make_shared<Entrances>(std::move(entrances))](net::Core& core) {
    auto& doors = sides_[core.index()].doors;
    for (std::size_t d = 0; d < doors.size(); ++d) {
      for (auto& listener : doors[d].listeners) listener->set_entrance((*all)[core.index()][d]);
    }
  });
}

void Doors::each(std::function<void(std::size_t door, listen::Listener& listener)> work) {
  runtime_.on_each([this, work = std::move(work)](net::Core& core) {
    auto& doors = sides_[core.index()].doors;
    for (std::size_t d = 0; d < doors.size(); ++d) {
      for (auto& listener : doors[d].listeners) work(d, *listener);
    }
  });
}

void Doors::give_to(handover::Link& link) const {
  for (const Door& door : doors_) {
    for (const int descriptor : door.descriptors) {
      link.send_descriptor({.address = door.block.address, .number = door.number}, descriptor);
    }
  }
}

void Doors::stop(net::Core& core) {
  for (auto& door : sides_[core.index()].doors) {
    for (auto& listener : door.listeners) listener->stop();
  }
}

void Doors::leave(net::Core& core) {
  for (auto& door : sides_[core.index()].doors) {
    for (auto& listener : door.listeners) listener->leave();
  }
}

}  // namespace roomgate::router::gate
