// The pages: the built-in client (compiled into the program) or a folder of static files (`web.root`, such as
// a Jitsi Meet build). Pure apart from reading files; signalling thread.
#pragma once

#include <map>
#include <span>
#include <string>

#include "sfu/web/types.hpp"

namespace roomgate::sfu::web {

struct EmbeddedFile {
  std::string_view path;  // "/index.html"
  std::string_view bytes;
};

// Made by cmake/embed_files.cmake from sfu/web/client.
std::span<const EmbeddedFile> built_in_client();

class StaticFiles {
 public:
  explicit StaticFiles(std::span<const EmbeddedFile> files);
  // Files below `root`; `generated_config` is config.js where the folder has none.
  StaticFiles(std::string root, std::string generated_config);

  // Every GET and HEAD that no other room of the shard answers: the file, index.html for "/" and for unknown
  // paths of one or two segments (/ROOM, /TENANT/ROOM), else 404. Paths that climb out of the root are 404.
  Response get(const Request& request) const;

 private:
  struct Loaded {
    std::string bytes;
    std::string etag;
  };
  std::optional<Loaded> load(const std::string& path) const;
  // <!--#include virtual="..." -->, inside the root only, kIncludeDepth deep.
  std::string expand_includes(const std::string& html, int depth) const;
  Response answer(const Request& request, const std::string& path, Loaded file) const;

  std::map<std::string, Loaded, std::less<>> embedded_;
  std::string root_;
  std::string generated_config_;
};

}  // namespace roomgate::sfu::web
