// What `drain --wait` makes of one look at the shard after the other. Pure: rows of the API in, lines for
// people out.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <string>

namespace roomgate::router::cli {

class DrainWatch {
 public:
  explicit DrainWatch(std::string shard) : shard_(std::move(shard)) {}

  enum class Outcome : std::uint8_t {
    waits,
    empty,       // nothing is left
    called_off,  // somebody made it ready again
  };
  Outcome see(const boost::json::object& row);

  // Is there less, or more, than at the look before?
  bool changed() const { return changed_; }
  // "shard-1: 12 of 20 rooms, 30 tunnels left, for 3m12s; what is left is moved in 26m48s"
  std::string line(std::chrono::system_clock::time_point now) const;
  boost::json::object json() const;

 private:
  std::string shard_;
  boost::json::object row_;
  boost::json::object drain_;
  std::uint64_t rooms_ = 0;
  std::uint64_t tunnels_ = 0;
  bool changed_ = true;
  bool first_ = true;
};

}  // namespace roomgate::router::cli
