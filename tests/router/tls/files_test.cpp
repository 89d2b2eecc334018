#include "router/tls/files.hpp"

#include "support.hpp"

using namespace roomgate::router::tls;
using namespace roomgate::router::tls::test;
namespace fs = std::filesystem;

TEST_CASE("a set of files looks the same until one is written, replaced, added or removed") {
  Folder folder;
  Folder other;
  write(folder / "a.pem", "1");
  write(other / "one.crt", "1");
  const std::vector<std::string> paths = {folder.path.string(), other / "one.crt"};
  std::uint64_t last = fingerprint(paths);
  const auto changed = [&] {
    const auto before = std::exchange(last, fingerprint(paths));
    return before != last;
  };

  CHECK_FALSE(changed());
  write(folder / "a.pem", "22");
  CHECK(changed());
  write(folder / "b.key", "1");
  CHECK(changed());
  write(folder / "notes.txt", "1");
  CHECK_FALSE(changed());
  write(other / "one.ocsp", "1");
  CHECK(changed());
  write(folder / "next", "22");
  fs::rename(folder / "next", folder / "a.pem");
  CHECK(changed());
  fs::remove(folder / "a.pem");
  CHECK(changed());
  fs::remove(other / "one.crt");
  CHECK(changed());
}

TEST_CASE("a symbolic link swapped above a file is seen") {
  Folder folder;
  fs::create_directory(folder / "v1");
  fs::create_directory(folder / "v2");
  write(folder / "v1/tls.crt", "1");
  write(folder / "v2/tls.crt", "1");
  fs::create_directory_symlink("v1", folder / "current");
  const std::vector<std::string> paths = {folder / "current/tls.crt"};
  const auto before = fingerprint(paths);

  fs::create_directory_symlink("v2", folder / "next");
  fs::rename(folder / "next", folder / "current");

  CHECK(fingerprint(paths) != before);
}

TEST_CASE("files beyond the bounds are refused by name") {
  Folder folder;
  write(folder / "big.pem", std::string(100, 'x'));
  write(folder / "two.pem", "x");

  const auto big = read_file(folder / "big.pem", {.max_bytes = 99});
  const auto many = files_of(folder.path.string(), {.max_files = 1});
  const auto none = read_file(folder.path.string());

  REQUIRE_FALSE(big.ok());
  CHECK(big.error().find("big.pem: is larger than 99 bytes") != std::string::npos);
  REQUIRE_FALSE(many.ok());
  CHECK(many.error().find("has more than 1 files") != std::string::npos);
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().find("is not a file") != std::string::npos);
}
