#include "bench/roomload/transport/pacer.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace roomgate;
using namespace roomgate::bench::roomload::transport;

namespace {

struct Run {
  net::Core core{0};
  Pacer pacer{core};
  std::vector<int> order;
};

struct Mark final : Pacer::Timed {
  Mark(Run& its_run, int its_name) : run(its_run), name(its_name) {}
  void on_due(TimePoint now) override {
    CHECK(now >= wanted);
    run.order.push_back(name);
    if (again > 0) {
      --again;
      at(now + microseconds(100));
    }
    if (last) run.core.stop();
  }
  void at(TimePoint due) {
    wanted = due;
    run.pacer.schedule(*this, due);
  }
  Run& run;
  int name;
  TimePoint wanted{};
  int again = 0;
  bool last = false;
};

}  // namespace

TEST_CASE("what is due comes in the order of its times, never early") {
  Run run;
  Mark a(run, 1), b(run, 2), c(run, 3), end(run, 4);
  const TimePoint now = Clock::now();
  end.last = true;

  b.at(now + microseconds(900));
  end.at(now + milliseconds(3));
  a.at(now + microseconds(300));
  c.at(now + microseconds(1500));
  run.core.run();

  CHECK(run.order == std::vector<int>{1, 2, 3, 4});
}

TEST_CASE("times move, both ways, and may be taken back") {
  Run run;
  Mark a(run, 1), b(run, 2), c(run, 3), end(run, 4);
  const TimePoint now = Clock::now();
  end.last = true;

  a.at(now + microseconds(500));
  b.at(now + milliseconds(1));
  c.at(now + microseconds(700));
  end.at(now + milliseconds(4));
  a.at(now + milliseconds(2));
  b.at(now + microseconds(200));
  run.pacer.schedule(c, TimePoint::max());
  run.core.run();

  CHECK(run.order == std::vector<int>{2, 1, 4});
}

TEST_CASE("one may schedule itself again, and one that is destroyed is forgotten") {
  Run run;
  Mark again(run, 1), end(run, 2);
  again.again = 3;
  end.last = true;
  {
    Mark gone(run, 9);
    gone.at(Clock::now() + microseconds(100));
  }

  again.at(Clock::now());
  end.at(Clock::now() + milliseconds(20));
  run.core.run();

  CHECK(run.order == std::vector<int>{1, 1, 1, 1, 2});
}
