// A real HAProxy for a test: its configuration, its process, requests through it and its stick table. Ends
// with the object.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace roomgate::peers_sync::tests {

// A folder of the test's own, removed with it.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A TCP port of 127.0.0.1 that stays ours though nobody listens: whoever shares ports may listen on it, and
// until then connections are refused.
class Port {
 public:
  Port();
  ~Port();
  Port(const Port&) = delete;
  int number() const { return number_; }

 private:
  int socket_ = -1;
  int number_ = 0;
};

struct Neighbour {
  std::string name;
  int port = 0;
};

class Haproxy {
 public:
  static bool installed();

  // One table "jitsi-meet" (string, len 128) that requests stick by their parameter "room", two servers s1
  // and s2 with ids 1 and 2, one peers section.
  Haproxy(std::string name, int port, const std::vector<Neighbour>& others);
  ~Haproxy();
  Haproxy(const Haproxy&) = delete;

  void start();
  void reload();  // a new process takes over, told by -sf
  void kill();    // SIGKILL, of all its processes
  bool running() const { return !pids_.empty(); }

  // Which server answered, "s1" or "s2"; nullopt: nobody did.
  std::optional<std::string> request(const std::string& room) const;
  bool command(const std::string& text) const;  // to its stats socket
  struct Row {
    int server_id = 0;
    std::string server_key;
    friend bool operator==(const Row&, const Row&) = default;
  };
  std::map<std::string, Row> table() const;
  std::string said() const;  // to its standard error, for a failure's message

 private:
  pid_t spawn(const std::vector<std::string>& more);
  std::optional<std::string> ask(const std::string& socket, const std::string& text) const;

  std::string name_;
  Folder folder_;
  std::vector<pid_t> pids_;
};

}  // namespace roomgate::peers_sync::tests
