#include "sfu/web/static_files.hpp"

#include <openssl/sha.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace roomgate::sfu::web {
namespace {

constexpr int kIncludeDepth = 3;
constexpr std::uintmax_t kLargestFile = 64u << 20;

// The same on every shard, so that a browser may revalidate with any of them.
std::string etag_of(std::string_view bytes) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return "\"" + to_hex(ByteView(digest).first(12)) + "\"";
}

std::string_view content_type(std::string_view path) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".jpg", "image/jpeg"},
      {".woff2", "font/woff2"},
      {".wasm", "application/wasm"},
      {".mp3", "audio/mpeg"},
      {".wav", "audio/wav"},
      {".opus", "audio/ogg"},
      {".txt", "text/plain; charset=utf-8"},
      {".webmanifest", "application/manifest+json"}};
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

// Decoded and free of tricks, or nullopt: no "..", no empty segments, no NUL, no backslash.
std::optional<std::string> clean_path(const std::string& raw) {
  const std::string path = percent_decode(raw);
  if (!path.starts_with('/') || path.find_first_of(std::string_view("\0\\", 2)) != std::string::npos)
    return std::nullopt;
  std::size_t start = 1;
  while (start < path.size()) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view segment(path.data() + start, end - start);
    if (segment.empty() || segment == "." || segment == "..") return std::nullopt;
    start = end + 1;
  }
  return path;
}

// "/", "/ROOM" and "/TENANT/ROOM" are the client's own pages; a missing file of the client's own folder is
// none.
bool is_page(std::string_view path) {
  return std::count(path.begin(), path.end(), '/') <= 2 && !path.starts_with("/static/");
}

}  // namespace

StaticFiles::StaticFiles(std::span<const EmbeddedFile> files) {
  for (const EmbeddedFile& file : files)
    embedded_[std::string(file.path)] = {std::string(file.bytes), etag_of(file.bytes)};
}

StaticFiles::StaticFiles(std::string root, std::string generated_config)
    : root_(std::move(root)), generated_config_(std::move(generated_config)) {
  while (root_.size() > 1 && root_.ends_with('/')) root_.pop_back();
}

std::optional<StaticFiles::Loaded> StaticFiles::load(const std::string& path) const {
  if (root_.empty()) {
    const auto found = embedded_.find(path);
    return found == embedded_.end() ? std::nullopt : std::optional(found->second);
  }
  std::error_code error;
  const std::filesystem::path file = root_ + path;
  // A symbolic link inside the root must not lead out of it either.
  const auto real = std::filesystem::canonical(file, error);
  const auto base = std::filesystem::canonical(root_, error);
  const bool inside =
      !error && std::mismatch(base.begin(), base.end(), real.begin(), real.end()).first == base.end();
  if (inside && std::filesystem::is_regular_file(real, error) &&
      std::filesystem::file_size(real, error) <= kLargestFile) {
    std::ifstream stream(real, std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(stream), {});
    std::string etag = etag_of(bytes);
    return Loaded{std::move(bytes), std::move(etag)};
  }
  if (path == "/config.js") return Loaded{generated_config_, etag_of(generated_config_)};
  return std::nullopt;
}

std::string StaticFiles::expand_includes(const std::string& html, int depth) const {
  constexpr std::string_view kOpen = "<!--#include virtual=\"";
  std::string out;
  std::size_t at = 0;
  while (true) {
    const std::size_t open = html.find(kOpen, at);
    const std::size_t name = open == std::string::npos ? open : open + kOpen.size();
    const std::size_t quote = name == std::string::npos ? name : html.find('"', name);
    const std::size_t close = quote == std::string::npos ? quote : html.find("-->", quote);
    if (close == std::string::npos) break;
    out.append(html, at, open - at);
    std::string target = html.substr(name, quote - name);
    if (!target.starts_with('/')) target.insert(0, "/");
    if (const auto path = clean_path(target); path && depth < kIncludeDepth) {
      if (const auto file = load(*path)) out += expand_includes(file->bytes, depth + 1);
    }
    at = close + 3;
  }
  out.append(html, at);
  return out;
}

Response StaticFiles::answer(const Request& request, const std::string& path, Loaded file) const {
  Response response;
  response.content_type = content_type(path);
  if (!root_.empty() && path.ends_with(".html")) {
    file.bytes = expand_includes(file.bytes, 0);
    file.etag = etag_of(file.bytes);
  }
  response.headers.emplace_back("ETag", file.etag);
  // Small files, revalidated each time: an upgraded shard never serves half of an old client.
  response.headers.emplace_back("Cache-Control", "no-cache");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  if (root_.empty() && path.ends_with(".html")) {
    response.headers.emplace_back(
        "Content-Security-Policy",
        "default-src 'self'; connect-src 'self' ws: wss:; media-src 'self' blob: mediastream:; "
        "img-src 'self' data: blob:; style-src 'self'; object-src 'none'; base-uri 'none'; "
        "form-action 'self'");
    response.headers.emplace_back("Referrer-Policy", "no-referrer");
  }
  if (request.header("If-None-Match").find(file.etag) != std::string_view::npos) {
    response.status = 304;
    return response;
  }
  response.body = std::move(file.bytes);
  return response;
}

Response StaticFiles::get(const Request& request) const {
  if (request.method != "GET" && request.method != "HEAD") {
    return {.status = 405, .headers = {{"Allow", "GET, HEAD"}}, .body = "method not allowed: GET or HEAD\n"};
  }
  if (const auto path = clean_path(request.path)) {
    if (auto file = load(*path)) return answer(request, *path, std::move(*file));
    if (is_page(*path)) {
      if (auto file = load("/index.html")) return answer(request, "/index.html", std::move(*file));
    }
  }
  return {.status = 404, .body = "no such page\n"};
}

}  // namespace roomgate::sfu::web
