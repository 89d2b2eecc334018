// The table as bytes: what a snapshot file and a process that takes over have of it. Pure; any thread. Shards
// are there by name, times as durations: numbers and clocks of one process mean nothing in another.
//
//   image    "RGTABLE" version(1) | written(8) | record ... | 0(4) | hash(8)
//   record   size of the rest(4) | generation(8) age(8) unused(8) holds(4) origin(1) flags(1)
//            key size(2) key | shard size(1) shard | placed(1) | region size(1) region
//            fields of later versions, passed over
//
// Numbers are big-endian, durations milliseconds, `written` is Unix milliseconds. The hash, of all before it,
// finds torn files; it is no signature, so whatever it covers is checked as well.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "router/stick/table.hpp"

namespace roomgate::router::stick {

struct ImageEntry {
  std::string_view key;
  std::string_view shard;
  std::uint64_t generation = 1;
  Duration age{};     // since it was created
  Duration unused{};  // since the last request
  std::uint32_t holds = 0;
  Origin origin = Origin::request;
  bool provisional = false;
  Placed placed = Placed::policy;
  std::string_view region;  // it was wanted in; empty: none
};

enum class ImageError {
  not_an_image,  // or one of a later version
  torn,          // its end is missing, or not what was written
  bad_record,
};
std::string_view to_text(ImageError error);

class ImageWriter {
 public:
  explicit ImageWriter(std::int64_t written);
  // Left out: what no table has (an empty key, an empty or overlong name).
  void add(const ImageEntry& entry);
  std::string finish() &&;

 private:
  std::string out_;
};

// All of it is checked before the first entry is told. What it gives is when it was written.
Result<std::int64_t, ImageError> read_image(ByteView image,
                                            const std::function<void(const ImageEntry&)>& visit);

// --- of a table

using NameOf = std::function<std::string(ShardId)>;
using IdOf = std::function<ShardId(std::string_view)>;

// Walks the whole table without stopping it. `wanted`: which entries; none: all.
std::string image_of(const Table& table, const NameOf& name_of, TimePoint now, std::int64_t written,
                     const std::function<bool(const Entry&)>& wanted = {});

using Offer =
    std::function<void(std::string_view key, std::string_view shard, std::string_view region, const Entry&)>;

// What an image says, put into a table. An entry that is there stays unless the image's generation is higher.
// Or it is offered to whoever decides what the table has (a managed one): then it counts as used until the
// image was written, by some front door if not by this one.
struct Restore {
  TimePoint now;
  Duration elapsed{};   // since the image was written, added to what it says
  bool seeded = false;  // the origin of all of them, and what has expired meanwhile is left out
  // How many holds each entry has, once the table has it: they are their process's, not the table's.
  std::function<void(std::string_view key, std::uint32_t holds)> held;
  Offer offer;
};
struct Restored {
  std::size_t taken = 0;
  std::size_t left_out = 0;  // expired, known better, or no place
};
Result<Restored, ImageError> restore(Table& table, ByteView image, const IdOf& id_of, const Restore& how);

}  // namespace roomgate::router::stick
