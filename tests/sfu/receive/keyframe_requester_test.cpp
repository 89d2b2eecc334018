#include "sfu/receive/keyframe_requester.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace roomgate;
using namespace roomgate::sfu::receive;

namespace {

const TimePoint kStart{seconds(100)};

// When PLIs leave within `total`, in ms.
std::vector<int> sent(KeyframeRequester& requester, int from, int until) {
  std::vector<int> times;
  for (int ms = from; ms < until; ms += 10) {
    if (requester.due(kStart + milliseconds(ms))) times.push_back(ms);
  }
  return times;
}

}  // namespace

TEST_CASE("asks at once, and repeats until a key frame came") {
  KeyframeRequester requester;
  requester.request(kStart);
  CHECK(sent(requester, 0, 5000) == std::vector<int>{0, 300, 900, 1800, 3000, 4500});

  requester.on_keyframe();
  CHECK(sent(requester, 5000, 9000).empty());
  CHECK_FALSE(requester.next());
}

TEST_CASE("repeats when a key frame could have been there: later for a sender far away") {
  KeyframeRequester far;
  far.on_round_trip(milliseconds(400));
  far.request(kStart);
  CHECK(sent(far, 0, 2000) == std::vector<int>{0, 600, 1800});

  KeyframeRequester beyond;
  beyond.on_round_trip(seconds(10));
  beyond.request(kStart);
  CHECK(sent(beyond, 0, 2000) == std::vector<int>{0, 800});
}

TEST_CASE("many requests are one PLI in 300 ms") {
  KeyframeRequester requester;
  std::vector<int> times;
  for (int ms = 0; ms < 1000; ms += 10) {
    requester.request(kStart + milliseconds(ms));
    if (requester.due(kStart + milliseconds(ms))) times.push_back(ms);
    requester.on_keyframe();
  }
  CHECK(times == std::vector<int>{0, 300, 600, 900});
}

TEST_CASE("a request after a key frame waits for the interval") {
  KeyframeRequester requester;
  requester.request(kStart);
  CHECK(requester.due(kStart));
  requester.on_keyframe();

  requester.request(kStart + milliseconds(100));

  CHECK(requester.next() == kStart + milliseconds(300));
  CHECK_FALSE(requester.due(kStart + milliseconds(299)));
  CHECK(requester.due(kStart + milliseconds(300)));
}

TEST_CASE("gives up on a sender that never answers, and can be asked again") {
  KeyframeRequester requester;
  requester.request(kStart);
  CHECK(sent(requester, 0, 100000).size() == 21);
  CHECK_FALSE(requester.waiting());

  requester.request(kStart + seconds(200));
  CHECK(requester.due(kStart + seconds(200)));
}

TEST_CASE("cancelled means nothing leaves") {
  KeyframeRequester requester;
  requester.request(kStart);
  requester.cancel();
  CHECK(sent(requester, 0, 1000).empty());
}
