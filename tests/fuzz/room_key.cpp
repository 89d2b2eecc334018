// Room names and targets: the normal form is a fixed point, valid UTF-8, and the same for its encoded
// spellings; no target confuses the map. First byte: 'q' a query value, 'p' a path segment, else a whole
// target.
#include <string>

#include "base/encoding.hpp"
#include "router/http/target.hpp"
#include "router/room/normalise.hpp"
#include "router/room/room_key.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::router;

namespace {

// Names encoded ever deeper do not reach a fixed point within the bound; nothing is promised for them but an
// end.
bool is_settled(const std::string& name) { return room::normalised(name, room::Where::path) == name; }

void check_name(std::string_view text, room::Where where) {
  const std::string once = room::normalised(text, where);
  require(is_valid_utf8(once));
  if (!is_settled(once)) return;
  require(room::normalised(percent_encode(once), room::Where::query) == once);
  require(room::normalised(percent_encode(once), room::Where::path) == once);
}

void check_target(std::string_view text) {
  const auto target = http::parse_target(text, "GET");
  if (!target) return;
  http::PathScratch scratch;
  const auto path = http::routed_path(target->path, scratch);
  if (!path) return;
  http::PathScratch again;
  const auto twice = http::routed_path(path->forward, again);
  require(twice.ok() && twice->forward == path->forward && twice->plain == path->plain);

  const room::UrlMap map;
  const room::PathInfo info = map.classify(path->plain, target->query);
  std::string key_scratch;
  const auto key = room::room_key({info, target->query, {}, "a"}, {}, key_scratch);
  if (!key || !*key) return;
  require(!(*key)->text.empty() && (*key)->text.size() <= 1024);
  require(is_valid_utf8((*key)->text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = as_text({data + 1, size - 1});
  if (data[0] == 'q') {
    check_name(text, room::Where::query);
  } else if (data[0] == 'p') {
    check_name(text, room::Where::path);
  } else {
    check_target(text);
  }
  return 0;
}
