#include "base/file_watch.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace roomgate;

TEST_CASE("a change is read once it has stood still, and not again after a failure") {
  Settled settled(1);

  CHECK_FALSE(settled.observe(1));
  CHECK_FALSE(settled.observe(2));  // the certificate is new
  CHECK_FALSE(settled.observe(3));  // and now its key
  CHECK(settled.observe(3));
  CHECK_FALSE(settled.observe(3));
  CHECK_FALSE(settled.observe(4));
  CHECK_FALSE(settled.observe(3));  // changed back
  CHECK_FALSE(settled.observe(4));
  settled.taken(4);
  CHECK_FALSE(settled.observe(4));
}

TEST_CASE("a file's fingerprint changes when it is written, replaced or removed") {
  const auto name = std::filesystem::temp_directory_path() / ("roomgate-watch-" + std::to_string(::getpid()));
  const std::string next = name.string() + ".next";
  std::ofstream(name) << "one";
  const auto one = file_fingerprint(name);

  CHECK(file_fingerprint(name) == one);
  std::ofstream(name) << "other";
  const auto written = file_fingerprint(name);
  CHECK(written != one);
  std::ofstream(next) << "other";
  std::filesystem::rename(next, name);
  const auto replaced = file_fingerprint(name);
  CHECK(replaced != written);
  std::filesystem::remove(name);
  CHECK(file_fingerprint(name) != replaced);
}
