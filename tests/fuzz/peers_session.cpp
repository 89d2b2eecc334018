// A session against whatever a peer may send, on either side, read at once and in pieces: the same is
// learned, nothing is learned that no table could hold, what we say stays within bounds, and a session that
// ends says why.
#include "peers-sync/session.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/peers-sync/fakes.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync;
using namespace roomgate::peers_sync::tests;

namespace {

constexpr std::size_t kMostSaid = 100'000;

void check(const End& end) {
  for (const std::string& key : end.table.keys) {
    require(key.find('\0') == std::string::npos);
    require(key.size() < end.table.table.key_length);
  }
  require(end.session.closed() == !end.session.why().empty());
}

}  // namespace

// The first byte: 'c', we connected; otherwise it did. The second: the size of the pieces.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto side = data[0] == 'c' ? Session::Side::connecting : Session::Side::accepting;
  const std::size_t piece = data[1] % 64U + 1U;
  const std::string_view input = as_text(ByteView(data + 2, size - 2));
  End whole(side, "gate", 1, "hap");
  End pieces(side, "gate", 1, "hap");
  for (End* end : {&whole, &pieces}) {
    end->table.add("room", 1, "s1");
    end->table.curious = true;
  }

  whole.hears(input);
  for (std::size_t at = 0; at < input.size(); at += piece) {
    pieces.hears(input.substr(at, piece));
    if (pieces.session.out().size() > kMostSaid / 2) (void)pieces.says();
  }

  require(whole.session.closed() == pieces.session.closed());
  require(whole.packets == pieces.packets);
  require(whole.events == pieces.events);
  require(whole.session.out().size() < kMostSaid);
  require(whole.session.counters().updates_in == pieces.session.counters().updates_in);
  // Where our lesson begins differs with the reads; what is learned does not.
  require(whole.table.keys == pieces.table.keys);
  for (End* end : {&whole, &pieces}) {
    check(*end);
    end->at(seconds(20));
    check(*end);
    require(end->session.closed());
  }
  return 0;
}
