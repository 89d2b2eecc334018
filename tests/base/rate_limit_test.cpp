#include "base/rate_limit.hpp"

#include <doctest/doctest.h>

using namespace roomgate;

namespace {

const TimePoint kStart{std::chrono::hours(1)};

}  // namespace

TEST_CASE("a bucket gives its burst at once and its rate afterwards") {
  TokenBucket bucket;
  for (int i = 0; i < 5; ++i) CHECK(bucket.take(1, 2, 5, kStart));
  CHECK(!bucket.take(1, 2, 5, kStart));
  CHECK(!bucket.take(1, 2, 5, kStart + milliseconds(400)));
  CHECK(bucket.take(1, 2, 5, kStart + milliseconds(600)));
  CHECK(!bucket.full(2, 5, kStart + seconds(1)));
  CHECK(bucket.full(2, 5, kStart + seconds(10)));
}

TEST_CASE("each stranger has a bucket, and their number is bounded") {
  KeyedBuckets buckets({.per_second = 1, .burst = 2, .keys = 3});
  CHECK(buckets.take("a", kStart));
  CHECK(buckets.take("a", kStart));
  CHECK(!buckets.take("a", kStart));
  CHECK(buckets.take("b", kStart));
  CHECK(buckets.take("c", kStart));

  CHECK(!buckets.take("d", kStart));
  CHECK(buckets.take("d", kStart + seconds(10)));
  CHECK(buckets.size() == 1);
}
