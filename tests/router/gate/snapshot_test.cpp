#include "router/gate/snapshot.hpp"

#include <doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace roomgate;
using namespace roomgate::router::gate;

namespace {

struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "roomgate-snapshot-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const std::string& name) const { return (path / name).string(); }
  std::filesystem::path path;
};

mode_t mode_of(const std::string& file) {
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

constexpr std::size_t kMost = 1024;

}  // namespace

TEST_CASE("a file is written whole, for its owner only, in place of the one before") {
  const Folder folder;
  const std::string file = folder.file("rooms");
  std::ofstream(file) << "the one before, open to all";
  std::ofstream(file + ".new") << "left over";
  ::chmod((file + ".new").c_str(), 0666);

  REQUIRE(write_whole(file, "rooms").ok());

  CHECK(*read_whole(file, kMost) == std::optional<std::string>("rooms"));
  CHECK(mode_of(file) == 0600);
  CHECK_FALSE(std::filesystem::exists(file + ".new"));
}

TEST_CASE("what cannot be written leaves the file as it was, and names it") {
  const Folder folder;
  const std::string file = folder.file("rooms");
  REQUIRE(write_whole(file, "before").ok());
  std::filesystem::create_directory(file + ".new");

  const auto written = write_whole(file, "after");

  REQUIRE_FALSE(written.ok());
  CHECK(written.error().starts_with(file + ".new: "));
  CHECK(*read_whole(file, kMost) == std::optional<std::string>("before"));
}

TEST_CASE("a file that is not there is none; one that is too large, or no file, is an error") {
  const Folder folder;
  REQUIRE(write_whole(folder.file("large"), std::string(kMost + 1, 'x')).ok());

  CHECK(*read_whole(folder.file("none"), kMost) == std::nullopt);
  CHECK_FALSE(read_whole(folder.file("large"), kMost).ok());
  CHECK_FALSE(read_whole(folder.path.string(), kMost).ok());
}

TEST_CASE("the last snapshot is what the table is at the end") {
  const Folder folder;
  metrics::Counter failures;
  std::string table = "first";
  Snapshot snapshot([&table] { return table; }, failures);
  snapshot.write_to(folder.file("rooms"), std::chrono::hours(1));
  CHECK_FALSE(snapshot.age(Clock::now()).has_value());

  table = "last";
  snapshot.stop(Snapshot::Last::write);

  CHECK(*read_whole(folder.file("rooms"), kMost) == std::optional<std::string>("last"));
  CHECK(snapshot.age(Clock::now()).has_value());
  CHECK(failures.value() == 0);
}

TEST_CASE("a snapshot that fails is counted") {
  const Folder folder;
  metrics::Counter failures;
  Snapshot snapshot([] { return std::string("rooms"); }, failures);
  snapshot.write_to(folder.file("no/such/folder/rooms"), std::chrono::hours(1));

  snapshot.stop(Snapshot::Last::write);

  CHECK(failures.value() == 1);
  CHECK_FALSE(snapshot.age(Clock::now()).has_value());
}
