#include "router/stick/image.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/siphash.hpp"

namespace roomgate::router::stick {
namespace {

constexpr std::string_view kMagic = "RGTABLE\x01";
constexpr std::size_t kHead = 16;
constexpr std::size_t kFoot = 12;  // the size that ends the records, the hash
constexpr std::size_t kFixed = 8 * 3 + 4 + 1 + 1;
constexpr std::size_t kMostRecord = 128 * 1024;
constexpr std::uint8_t kProvisional = 1;
// Durations beyond it are no durations: sums of them with a clock must not overflow.
constexpr std::uint64_t kMostMilliseconds = 100ULL * 366 * 24 * 3600 * 1000;

// The same in every process; it is there against accidents, so its key is no secret.
std::uint64_t hash_of(ByteView bytes) { return siphash(bytes, {0x726f6f6d67617465, 0x696d616765763031}); }

void append(std::string& out, std::uint64_t value, std::size_t size) {
  std::array<std::uint8_t, 8> bytes{};
  store64(bytes.data(), value);
  out += as_text(ByteView(bytes).last(size));
}

std::uint64_t in_milliseconds(Duration duration) {
  const auto count = std::chrono::duration_cast<milliseconds>(duration).count();
  return std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(0, count)), kMostMilliseconds);
}

std::optional<ImageEntry> read_record(ByteView bytes) {
  ByteReader in(bytes);
  ImageEntry entry;
  entry.generation = in.u64();
  const std::uint64_t age = in.u64();
  const std::uint64_t unused = in.u64();
  entry.holds = in.u32();
  const std::uint8_t origin = in.u8();
  entry.provisional = (in.u8() & kProvisional) != 0;
  entry.key = as_text(in.bytes(in.u16()));
  entry.shard = as_text(in.bytes(in.u8()));
  const std::uint8_t placed = in.u8();
  entry.region = as_text(in.bytes(in.u8()));
  if (in.failed() || entry.key.empty() || entry.shard.empty() || entry.generation == 0) return std::nullopt;
  if (age > kMostMilliseconds || unused > kMostMilliseconds) return std::nullopt;
  entry.age = milliseconds(age);
  entry.unused = milliseconds(unused);
  // One that a later version has, and this one does not know.
  entry.origin =
      origin <= static_cast<std::uint8_t>(Origin::seeded) ? static_cast<Origin>(origin) : Origin::seeded;
  if (placed <= static_cast<std::uint8_t>(Placed::drained)) entry.placed = static_cast<Placed>(placed);
  return entry;
}

}  // namespace

std::string_view to_text(ImageError error) {
  switch (error) {
    case ImageError::not_an_image: return "it is no room table, or one of a later version";
    case ImageError::torn: return "it is torn";
    case ImageError::bad_record: return "an entry in it makes no sense";
  }
  return "";
}

ImageWriter::ImageWriter(std::int64_t written) : out_(kMagic) {
  append(out_, static_cast<std::uint64_t>(written), 8);
}

void ImageWriter::add(const ImageEntry& entry) {
  if (entry.key.empty() || entry.key.size() > 0xffff || entry.shard.empty() || entry.shard.size() > 0xff)
    return;
  const std::string_view region =
      entry.region.substr(0, entry.region.size() > 0xff ? 0 : entry.region.size());
  append(out_, kFixed + 2 + entry.key.size() + 1 + entry.shard.size() + 1 + 1 + region.size(), 4);
  append(out_, std::max<std::uint64_t>(1, entry.generation), 8);
  append(out_, in_milliseconds(entry.age), 8);
  append(out_, in_milliseconds(entry.unused), 8);
  append(out_, entry.holds, 4);
  append(out_, static_cast<std::uint8_t>(entry.origin), 1);
  append(out_, entry.provisional ? kProvisional : 0, 1);
  append(out_, entry.key.size(), 2);
  out_ += entry.key;
  append(out_, entry.shard.size(), 1);
  out_ += entry.shard;
  append(out_, static_cast<std::uint8_t>(entry.placed), 1);
  append(out_, region.size(), 1);
  out_ += region;
}

std::string ImageWriter::finish() && {
  append(out_, 0, 4);
  append(out_, hash_of(as_bytes(out_)), 8);
  return std::move(out_);
}

Result<std::int64_t, ImageError> read_image(ByteView image,
                                            const std::function<void(const ImageEntry&)>& visit) {
  if (image.size() < kMagic.size() || as_text(image.first(kMagic.size())) != kMagic)
    return fail(ImageError::not_an_image);
  if (image.size() < kHead + kFoot) return fail(ImageError::torn);
  const ByteView hashed = image.first(image.size() - 8);
  if (load64(image.data() + hashed.size()) != hash_of(hashed)) return fail(ImageError::torn);
  const auto written = static_cast<std::int64_t>(load64(image.data() + kMagic.size()));
  for (const bool telling : {false, true}) {
    ByteReader in(hashed.subspan(kHead));
    std::uint32_t size = in.u32();
    for (; size != 0; size = in.u32()) {
      if (in.failed() || size > kMostRecord) return fail(ImageError::bad_record);
      const auto entry = read_record(in.bytes(size));
      if (!entry) return fail(ImageError::bad_record);
      if (telling) visit(*entry);
    }
    if (in.failed() || in.left() != 0) return fail(ImageError::bad_record);
  }
  return written;
}

std::string image_of(const Table& table, const NameOf& name_of, TimePoint now, std::int64_t written,
                     const std::function<bool(const Entry&)>& wanted) {
  ImageWriter writer(written);
  // A shard has many rooms: its name is looked up once.
  std::vector<std::string> names;
  std::string region;
  table.for_each([&](std::string_view key, const Entry& entry) {
    if (wanted && !wanted(entry)) return;
    if (entry.shard == kNoShard) return;
    if (names.size() <= entry.shard) names.resize(entry.shard + 1);
    std::string& name = names[entry.shard];
    if (name.empty()) name = name_of(entry.shard);
    region = entry.region == RegionNames::kNone ? std::string() : table.regions().name_of(entry.region);
    writer.add({.key = key,
                .shard = name,
                .generation = entry.generation,
                .age = now - entry.created,
                .unused = now - entry.last_used,
                .holds = entry.holds,
                .origin = entry.origin,
                .provisional = entry.provisional,
                .placed = entry.placed,
                .region = region});
  });
  return std::move(writer).finish();
}

Result<Restored, ImageError> restore(Table& table, ByteView image, const IdOf& id_of, const Restore& how) {
  Restored restored;
  const Limits& limits = table.limits();
  const auto read = read_image(image, [&](const ImageEntry& from) {
    // Somebody was in there until the image was written.
    const Duration unused = (from.holds > 0 || how.offer ? Duration{} : from.unused) + how.elapsed;
    const Duration age = from.age + how.elapsed;
    const bool expired = from.provisional ? age >= limits.provisional_life : unused >= limits.idle;
    const ShardId shard = how.seeded && expired ? kNoShard : id_of(from.shard);
    Entry entry;
    entry.shard = shard;
    entry.generation = from.generation;
    entry.created = how.now - age;
    entry.last_used = how.now - unused;
    entry.provisional = from.provisional;
    entry.placed = from.placed;
    if (!from.region.empty()) entry.region = table.regions().id_of(from.region);
    entry.origin = how.seeded ? Origin::seeded : from.origin;
    bool taken = shard != kNoShard;
    if (taken && how.offer) {
      how.offer(from.key, from.shard, from.region, entry);
    } else if (taken) {
      taken = table.put(from.key, entry, how.now);
    }
    ++(taken ? restored.taken : restored.left_out);
    if (how.held) how.held(from.key, from.holds);
  });
  if (!read) return fail(read.error());
  return restored;
}

}  // namespace roomgate::router::stick
