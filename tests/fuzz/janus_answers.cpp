// A Janus that says anything, one answer or event a line, to a publisher and a subscriber; and its SDP. A
// conversation that failed stays so, with words for it.
#include <algorithm>

#include "bench/sfu/janus.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::bench::janus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  if (const auto sdp = read_sdp(all)) require(!sdp->ufrag.empty() && !sdp->pwd.empty());
  for (const bool publishes : {true, false}) {
    JanusConversation conversation({.publishes = publishes, .room = 5, .feed = publishes ? 0u : 3u});
    TimePoint now{seconds(1000)};
    std::string_view text = all;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      const bool failed = conversation.failed();
      if (conversation.next_request(now)) {
        conversation.on_answer(line, now);
      } else if (!conversation.poll_path().empty()) {
        conversation.on_event(line, now);
      }
      now += seconds(1);
      require(!failed || conversation.failed());
      require(!conversation.failed() || !conversation.problem().empty());
      require(!conversation.ready() || conversation.remote());
    }
  }
  return 0;
}
