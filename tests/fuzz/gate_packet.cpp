// What a gate says of rooms: the first byte is the packet's type. Whatever is understood is within its
// bounds, and written again reads the same.
#include "peers-sync/claim/packets.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync::claim;

namespace {

constexpr TimePoint kNow = TimePoint{} + std::chrono::hours(24 * 1000);

ItemWriter written(const Items& items) {
  ItemWriter writer;
  for (const GateId& gate : items.gates) writer.gate(gate);
  for (const Item& item : items.items) {
    require(item.number != 0 && !item.key.empty() && item.key.size() <= kMaxKey);
    require(item.of <= items.gates.size());
    writer.add(item);
  }
  return writer;
}

void check_log(ByteView body) {
  const auto log = read_log(body);
  if (!log) return;
  std::string again;
  put_log_head(*log, again);
  written(log->items).put(again);
  const auto back = read_log(as_bytes(again));
  require(back && back->items.items.size() == log->items.items.size());
  require(back->items.gates == log->items.gates);
  require(back->after == log->after && back->upto == log->upto && back->end == log->end);
}

void check_lesson(ByteView body) {
  const auto part = read_lesson(body);
  if (!part) return;
  std::string again;
  put_lesson_head(*part, again);
  written(part->items).put(again);
  const auto back = read_lesson(as_bytes(again));
  require(back && back->have == part->have && back->upto == part->upto);
  require(back->items.items.size() == part->items.items.size());
  require(back->items.gates == part->items.gates);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  ByteView body(data + 1, size - 1);
  if (data[0] == kEnvelope) {
    if (const auto envelope = read_envelope(body)) {
      require(read_envelope(as_bytes(encode(*envelope)))->body.size() == envelope->body.size());
    }
    return 0;
  }
  const auto headed = read_head(body);
  if (!headed) return 0;
  body = headed->body;
  switch (data[0]) {
    case kFollow:
      if (const auto follow = read_follow(body)) require(read_follow(as_bytes(encode(*follow))) == follow);
      break;
    case kLog: check_log(body); break;
    case kLessonAsk:
      if (const auto ask = read_lesson_ask(body)) require(read_lesson_ask(as_bytes(encode(*ask))) == ask);
      break;
    case kLesson: check_lesson(body); break;
    case kAsk:
      if (const auto ask = read_ask(body, kNow)) {
        const std::string once = encode(*ask, kNow);
        const auto back = read_ask(as_bytes(once), kNow);
        require(back && encode(*back, kNow) == once);
      }
      break;
    case kAnswer:
      if (const auto answer = read_answer(body, kNow)) {
        const std::string once = encode(*answer, kNow);
        const auto back = read_answer(as_bytes(once), kNow);
        require(back && encode(*back, kNow) == once);
      }
      break;
    case kRelease:
      if (const auto release = read_release(body)) {
        require(read_release(as_bytes(encode(*release)))->names == release->names);
      }
      break;
    case kReleased:
      if (const auto released = read_released(body)) {
        require(read_released(as_bytes(encode(*released)))->used == released->used);
      }
      break;
    default: break;
  }
  return 0;
}
