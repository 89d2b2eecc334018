#include "sfu/web/static_files.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace roomgate::sfu::web;

namespace {

constexpr EmbeddedFile kFiles[] = {{"/index.html", "<p>page</p>"}, {"/static/main.js", "go()"}};

Response get(const StaticFiles& files, std::string path, Headers headers = {}) {
  Request request;
  request.method = "GET";
  request.path = std::move(path);
  request.headers = std::move(headers);
  return files.get(request);
}

std::string header(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

// A folder that goes with the test.
struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("roomgate-static-" + std::to_string(getpid()));
  Folder() { std::filesystem::create_directories(path / "root"); }
  ~Folder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path / name) << text; }
};

}  // namespace

TEST_CASE("rooms and tenants' rooms get the page, files their bytes, deeper unknown paths 404") {
  const StaticFiles files(kFiles);

  CHECK(get(files, "/").body == "<p>page</p>");
  CHECK(get(files, "/My%20Room").body == "<p>page</p>");
  CHECK(get(files, "/tenant/room").body == "<p>page</p>");
  CHECK(get(files, "/static/main.js").content_type == "text/javascript; charset=utf-8");
  CHECK(get(files, "/static/no-such.js").status == 404);
  CHECK(get(files, "/a/b/c").status == 404);
  CHECK(header(get(files, "/"), "Content-Security-Policy").find("default-src 'self'") == 0);
}

TEST_CASE("an unchanged file is not sent twice") {
  const StaticFiles files(kFiles);
  const std::string etag = header(get(files, "/"), "ETag");

  const Response again = get(files, "/", {{"If-None-Match", etag}});

  CHECK(again.status == 304);
  CHECK(again.body.empty());
}

TEST_CASE("paths that climb, hide or break are refused") {
  const Folder folder;
  folder.write("secret.txt", "secret");
  folder.write("root/index.html", "page");
  std::filesystem::create_symlink(folder.path / "secret.txt", folder.path / "root/link.txt");
  const StaticFiles files(folder.path / "root", "");

  for (const char* path : {"/../secret.txt", "/%2e%2e/secret.txt", "/a/../../secret.txt", "/..%2fsecret.txt",
                           "//secret.txt", "/a%00b", "/a\\b", "/link.txt"}) {
    CAPTURE(path);
    CHECK(get(files, path).body.find("secret") == std::string::npos);
  }
}

TEST_CASE("a folder's pages are put together from includes inside it, three deep at most") {
  const Folder folder;
  folder.write("root/index.html", "a<!--#include virtual=\"/b.html\" -->z");
  folder.write("root/b.html", "b<!--#include virtual=\"b.html\"--><!--#include virtual=\"../secret.txt\"-->");
  folder.write("secret.txt", "secret");
  const StaticFiles files(folder.path / "root", "var config = {};");

  CHECK(get(files, "/room").body == "abbbz");
  CHECK(get(files, "/config.js").body == "var config = {};");
}

TEST_CASE("the built-in client is inside the program") {
  const StaticFiles files(built_in_client());

  const Response page = get(files, "/some-room");

  CHECK(page.status == 200);
  CHECK(page.body.find("<!doctype html>") == 0);
}
