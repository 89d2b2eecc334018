// A shard that says anything to a load test's participant, one message a line: no state that it does not
// know, and nothing is sent that an XML parser refuses.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "bench/roomload/signal/channel.hpp"
#include "bench/roomload/signal/conversation.hpp"
#include "sfu/xmpp/parser.hpp"

using namespace roomgate;
using namespace roomgate::bench::roomload::signal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Account account;
  account.domain = "meet.jitsi";
  account.focus = "focus.meet.jitsi";
  account.room_jid = "alpha@conference.meet.jitsi";
  account.name = "load 1";
  TimePoint now{seconds(1000)};
  Conversation conversation(account, now);

  std::string_view text(reinterpret_cast<const char*>(data), size);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view message = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    (void)read_channel_message(message);
    conversation.consume(message, now);
    while (const auto event = conversation.next_event()) {
      if (std::holds_alternative<Offered>(*event)) {
        Answer answer;
        answer.ufrag = "ab12";
        answer.sources = {{"8fc6a697-v0", "8fc6a697-v0 t", true, {1, 2}, {3, 4}}};
        conversation.accept(answer, now);
      }
    }
    for (const std::string& said : conversation.take_output()) {
      if (!sfu::xmpp::parse_stanza(said, {.bytes = 16 * 1024 * 1024,
                                          .attributes = 1024,
                                          .elements = 1 << 20,
                                          .namespace_bytes = 16 * 1024 * 1024})) {
        std::abort();
      }
    }
    now += seconds(1);
    conversation.tick(now);
  }
  return 0;
}
